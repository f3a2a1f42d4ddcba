//! Lists of some jobs only.

use super::*;
use crate::store::listing::MAX_EXAMINED;

type Chooses = fn(&Job) -> bool;

fn query(filter: ListFilter, after: Option<Cursor>) -> ListQuery {
    ListQuery {
        after,
        limit: 500,
        with_body: true,
        max_bytes: usize::MAX,
        finished_only: false,
        finished_since: UnixMs(i64::MIN),
        filter,
    }
}

/// All pages, each with how many jobs it has.
async fn walk(store: &Store, query: ListQuery) -> (Vec<Job>, Vec<usize>) {
    let (mut jobs, mut sizes, mut query) = (Vec::new(), Vec::new(), query);
    loop {
        let page = store.list(query.clone()).await.unwrap();
        sizes.push(page.jobs.len());
        jobs.extend(page.jobs.into_iter().map(|(job, body)| {
            assert_eq!(body.is_some(), query.with_body);
            job
        }));
        query.after = page.next;
        if query.after.is_none() {
            return (jobs, sizes);
        }
    }
}

/// Jobs in all states, of three users, two accounts, two owners, over time.
async fn fill(store: &Store) {
    for n in 0..60_u32 {
        let owner = ["Owner", "OTHER"][n as usize % 2];
        let account = [ACCOUNT, "second"][n as usize / 2 % 2];
        let new = NewJob {
            account: account.to_owned(),
            created_at: NOW.minus(Duration::from_secs(u64::from(n % 7))),
            hold: n % 5 == 0,
            ..job_at(n % 3, owner, ["Repo", "tool"][n as usize / 4 % 2])
        };
        let id = insert_id(store, new).await;
        if n % 4 == 1 {
            cancel(store, id).await.unwrap();
        }
    }
    for comment in 1..6 {
        post(store, comment).await.unwrap();
    }
}

#[tokio::test]
async fn every_filter_chooses_what_it_says_in_the_order_of_the_whole_list() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    fill(&store).await;
    let (all, _) = walk(&store, query(ListFilter::default(), None)).await;
    assert_eq!(all.len(), 60);
    let none = ListFilter::default;
    let since = NOW.minus(Duration::from_secs(4));
    let cases: Vec<(ListFilter, Chooses)> = vec![
        (
            ListFilter {
                uid: Some(1),
                ..none()
            },
            |job| job.uid == 1,
        ),
        (
            ListFilter {
                states: vec![State::Held, State::Cancelled],
                ..none()
            },
            |job| matches!(job.state, State::Held | State::Cancelled),
        ),
        (
            ListFilter {
                states: vec![State::Posted],
                ..none()
            },
            |job| job.state == State::Posted,
        ),
        (
            ListFilter {
                account: Some("second".to_owned()),
                ..none()
            },
            |job| job.account == "second",
        ),
        (
            ListFilter {
                owner: Some("oWNER".to_owned()),
                ..none()
            },
            |job| job.target.owner.as_str() == "Owner",
        ),
        (
            ListFilter {
                owner: Some("other".to_owned()),
                repo: Some("TOOL".to_owned()),
                ..none()
            },
            |job| job.target.owner.as_str() == "OTHER" && job.target.repo.as_str() == "tool",
        ),
        (
            ListFilter {
                since: Some(since),
                ..none()
            },
            |job| job.created_at >= UnixMs(NOW.0 - 4000),
        ),
        (
            ListFilter {
                uid: Some(2),
                states: vec![State::Queued],
                since: Some(since),
                ..none()
            },
            |job| job.uid == 2 && job.state == State::Queued && job.created_at.0 >= NOW.0 - 4000,
        ),
    ];
    for (filter, chooses) in cases {
        for limit in [1, 7, 500] {
            let paged = ListQuery {
                limit,
                ..query(filter.clone(), None)
            };
            let (listed, _) = walk(&store, paged).await;
            let wanted: Vec<_> = all.iter().filter(|job| chooses(job)).cloned().collect();
            assert!(!wanted.is_empty() && wanted.len() < all.len(), "{filter:?}");
            assert_eq!(listed, wanted, "{filter:?} by {limit}");
        }
    }
}

#[tokio::test]
async fn a_page_looks_at_so_many_jobs_and_goes_on_where_it_ended() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let others = MAX_EXAMINED * 2 + 10;
    let many = (0..others).map(|n| job(1, &format!("r{n}"), "x")).collect();
    store.insert_all(many).await.unwrap();
    let last = insert_id(&store, job(2, "mine", "x")).await;
    let of = |uid| ListFilter {
        uid: Some(uid),
        ..ListFilter::default()
    };
    let started = std::time::Instant::now();
    let first = store.list(query(of(2), None)).await.unwrap();
    println!("{MAX_EXAMINED} records took {:?}", started.elapsed());
    assert_eq!(first.jobs.len(), 0);
    let (listed, sizes) = walk(&store, query(of(2), None)).await;
    assert_eq!(listed.iter().map(|job| job.id).collect::<Vec<_>>(), [last]);
    assert_eq!(sizes, [0, 0, 1]);
    // Whoever has nothing unfinished need not wait for all the others.
    let (listed, sizes) = walk(&store, query(of(3), None)).await;
    assert_eq!((listed.len(), sizes.len()), (0, 1));
    // Full pages as before where nothing is chosen.
    let (listed, sizes) = walk(&store, query(ListFilter::default(), None)).await;
    assert_eq!((listed.len(), sizes[0]), (others + 1, 500));
}

#[tokio::test]
async fn once_all_of_a_users_unfinished_jobs_were_met_no_more_are_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    for repo in ["a", "b", "c"] {
        insert_id(&store, job(2, repo, "x")).await;
    }
    let others = MAX_EXAMINED + 10;
    let many = (0..others).map(|n| job(1, &format!("r{n}"), "x")).collect();
    store.insert_all(many).await.unwrap();
    let filter = ListFilter {
        uid: Some(2),
        ..ListFilter::default()
    };
    let paged = |limit| ListQuery {
        limit,
        ..query(filter.clone(), None)
    };
    assert_eq!(walk(&store, paged(500)).await.1, [3]);
    // What was met on the pages before counts too.
    assert_eq!(walk(&store, paged(2)).await.1, [2, 1]);
    // One that ends meanwhile leaves the others to be met.
    let page = store.list(paged(2)).await.unwrap();
    cancel(&store, page.jobs[0].0.id).await.unwrap();
    let rest = ListQuery {
        after: page.next,
        ..paged(2)
    };
    let (rest, _) = walk(&store, rest).await;
    assert!(rest.iter().any(|job| job.target.repo.as_str() == "c"));
}

#[tokio::test]
async fn a_job_that_is_revived_meanwhile_stands_for_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path()).await;
    let held = NewJob {
        hold: true,
        ..job(2, "held", "x")
    };
    insert_id(&store, held).await;
    let revived = insert_id(&store, job(2, "a", "x")).await;
    claim(&store, 1).await.unwrap();
    dead(&store, revived, Failure::Gone).await;
    insert_id(&store, job(2, "b", "x")).await;
    let last = insert_id(&store, job(2, "c", "x")).await;
    let filter = ListFilter {
        uid: Some(2),
        ..ListFilter::default()
    };
    let one = |after| ListQuery {
        limit: 1,
        ..query(filter.clone(), after)
    };
    let page = store.list(one(None)).await.unwrap();
    change(&store, revived, Verb::Retry).await.unwrap();
    let (rest, _) = walk(&store, one(page.next)).await;
    assert_eq!(rest.last().map(|job| job.id), Some(last));
    assert_eq!(rest.len(), 3);
}
