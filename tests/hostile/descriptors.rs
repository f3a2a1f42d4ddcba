//! A daemon that may open 64 files, and one user who wants them all: others are served, and what is
//! queued goes out.

use harness::needs;

use crate::arena::{attack, setup, standin};

#[test]
fn one_user_cannot_take_all_descriptors() {
    if !needs::root() || !needs::program("prlimit") {
        return;
    }
    let standin = standin();
    let mut setup = setup(&standin).number("cooldown_period_seconds", 1);
    setup.wrap(&["prlimit", "--nofile=64:64"]);
    let mut daemon = setup.start();
    let came = attack(&mut daemon, "crowd", 4.0);
    assert_eq!((came["held"], came["code"]), (16, 102), "half of 32 places");
    // One a second: there were files for the store and for HTTP meanwhile.
    let posted = standin.comments().len();
    assert!(posted >= 4, "{posted} comments");
}
