use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::*;
use crate::clock::tests::Hands;

impl Groups {
    /// Nobody asked for anything.
    pub(crate) fn is_untouched(&self) -> bool {
        self.state().users.is_empty()
    }
}

/// A name service that counts how often it was asked.
struct Service {
    asked: Arc<AtomicUsize>,
    hands: Arc<Hands>,
    groups: Groups,
}

impl Service {
    fn new(answer: impl Fn(u32) -> io::Result<Vec<u32>> + Send + Sync + 'static) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let lookup: Lookup = Arc::new(move |uid| {
            count.fetch_add(1, Ordering::SeqCst);
            answer(uid)
        });
        let hands = Hands::new(1, Duration::from_secs(1000));
        let clock = Arc::new(Clock::new(Arc::clone(&hands) as Arc<_>));
        Self {
            asked,
            hands,
            groups: Groups::new(lookup, clock),
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn an_answer_counts_for_a_minute_and_for_its_user() {
    let service = Service::new(|uid| Ok(vec![uid + 1]));
    assert!(service.groups.contain(8, 7).await);
    assert!(!service.groups.contain(9, 7).await);
    service.hands.pass(Duration::from_secs(59));
    assert!(service.groups.contain(8, 7).await);
    assert_eq!(service.asked(), 1);
    assert!(service.groups.contain(9, 8).await);
    assert_eq!(service.asked(), 2);
    service.hands.pass(Duration::from_secs(1));
    assert!(service.groups.contain(8, 7).await);
    assert_eq!(service.asked(), 3);
}

#[tokio::test]
async fn a_failure_counts_for_a_minute_too() {
    let service = Service::new(|_| Err(io::Error::other("no directory")));
    for _ in 0..3 {
        assert!(!service.groups.contain(8, 7).await);
    }
    assert_eq!(service.asked(), 1);
    let error = service.groups.of(7).await.unwrap_err();
    assert!(error.to_string().contains("no directory"), "{error}");
    assert!(service.groups.state().users[&7].told);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_is_given_up_after_two_seconds_and_asked_no_second_time() {
    let (release, hangs) = mpsc::channel::<()>();
    let hangs = Mutex::new(hangs);
    let service = Service::new(move |uid| {
        if uid == 7 {
            // Until the test drops its end.
            let _ends = hangs.lock().unwrap().recv();
        }
        Ok(vec![8])
    });
    let start = tokio::time::Instant::now();
    assert!(!service.groups.contain(8, 7).await);
    assert_eq!(start.elapsed(), PATIENCE);
    // The clock runs ahead of the thread here.
    while service.asked() == 0 {
        std::thread::yield_now();
    }
    // Longer than an answer counts: its thread still waits, so nobody waits anew.
    service.hands.pass(KEPT * 2);
    let start = tokio::time::Instant::now();
    assert!(!service.groups.contain(8, 7).await);
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(service.asked(), 1);
    drop(release);
    let mut answer = service.groups.state().users[&7].answer.clone();
    assert!(answer.wait_for(Option::is_some).await.is_ok());
    tokio::time::resume();
    // What it says at last is old by now: it is asked again, and answers.
    assert!(service.groups.contain(8, 7).await);
    assert_eq!(service.asked(), 2);
}

#[tokio::test]
async fn no_more_than_some_wait_at_one_time() {
    let (release, hangs) = mpsc::channel::<()>();
    let hangs = Mutex::new(hangs);
    let service = Service::new(move |_| {
        let _ends = hangs.lock().unwrap().recv();
        Ok(vec![8])
    });
    for uid in 0..20 {
        let asked = service.groups.ask(uid);
        assert_eq!(asked.is_ok(), uid < 16, "{uid}");
    }
    assert!(service.groups.state().told.is_none());
    for _ in 0..2 {
        assert!(!service.groups.contain(8, 19).await);
    }
    assert!(service.groups.state().told.is_some());
    drop(release);
}

#[test]
fn the_host_knows_the_groups_of_its_users() {
    assert!(lookup(0).unwrap().contains(&0));
    assert_eq!(lookup(3_999_999_999).unwrap(), Vec::<u32>::new());
}
