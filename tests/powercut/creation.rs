//! The power goes while a store is made: the next start makes or finds one, and
//! never stands before a half-made one.

use std::thread;
use std::time::Duration;

use harness::connection::Connection;
use harness::setup::{Setup, Token};

use crate::promise::Promise;
use crate::random::Random;
use crate::world::World;

const CUTS: u32 = 20;
/// Longer than a first start takes.
const START: Duration = Duration::from_millis(60);

pub(crate) fn run() {
    let mut random = Random::seeded();
    let mut world = World::new(
        Setup::new("http://127.0.0.1:9")
            .unlimited()
            .token(Token::Absent),
    );
    for cut in 1..=CUTS {
        world.set_queue(&format!("queue-{cut}"));
        world.daemon.spawn();
        // Not a wait for anything: the power goes when it goes.
        thread::sleep(random.moment(START));
        let mut promise = Promise::new(format!("first-{cut}"), &mut random);
        // The socket is there first: whoever asks waits until the store is made.
        if random.one_in(3)
            && let Ok(mut connection) = Connection::ready(&world.daemon.socket())
        {
            promise
                .submit(&mut connection)
                .expect("a daemon with power");
        }
        world.cut_power();
        println!("cut {cut}: {promise:?}");
        let mut connection = world.restore_power();
        promise.check(&mut connection).expect("a daemon with power");
        promise
            .submit(&mut connection)
            .expect("a daemon with power");
        assert_eq!(promise.id, Some(1));
        world.daemon.term();
    }
}
