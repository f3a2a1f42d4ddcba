//! The queue of faults still to come, and which of them a request gets.

use super::fault::Fault;
use super::target::{Kind, Target};

/// The faults still to come, oldest first.
#[derive(Debug, Default)]
pub(super) struct Script {
    waiting: Vec<Fault>,
}

impl Script {
    pub(super) fn push(&mut self, fault: Fault) {
        self.waiting.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn waiting(&self) -> &[Fault] {
        &self.waiting
    }

    /// The fault of this request: the first that fits. It lets the request pass
    /// while it still has one to skip, and is spent after `times` of them.
    pub(super) fn take(&mut self, kind: Kind, target: Option<&Target>) -> Option<Fault> {
        let at = self
            .waiting
            .iter()
            .position(|fault| fault.on.fits(kind, target))?;
        let fault = self.waiting.get_mut(at)?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        let taken = fault.clone();
        fault.times = fault.times.saturating_sub(1);
        if fault.times == 0 {
            self.waiting.remove(at);
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::Answer;
    use super::super::refusal::Refusal;
    use super::*;

    #[test]
    fn a_fault_waits_for_its_request_and_is_spent() {
        let mut script = Script::default();
        script.push(Fault::on_post().skip(1).times(2).answer(Answer::Close));
        assert_eq!(script.take(Kind::User, None), None);
        assert_eq!(script.take(Kind::Post, None), None, "the first passes");
        assert!(script.take(Kind::Post, None).is_some());
        assert!(script.take(Kind::Post, None).is_some());
        assert_eq!(script.take(Kind::Post, None), None, "spent");
    }

    #[test]
    fn a_fault_from_a_shell_script_needs_only_what_differs() {
        let text = r#"{"on":{"kind":"post","target":"Octo/Demo#1"},"create":false,
                       "answer":{"refuse":{"secondary":{"retry_after_seconds":2}}}}"#;
        let fault: Fault = serde_json::from_str(text).unwrap();
        let wanted = Fault::on_post()
            .target("octo/demo#1".parse().unwrap())
            .without_creating()
            .answer(Answer::Refuse(Refusal::secondary(Some(2))));
        assert_eq!(fault, wanted);
    }
}
