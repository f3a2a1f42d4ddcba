//! A list that is as long as it likes: `list` and `history`.

use super::SCHEMA;

/// A list in a JSON object, written as its items come.
pub(crate) struct JsonList {
    name: &'static str,
    is_begun: bool,
}

impl JsonList {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            is_begun: false,
        }
    }

    /// What stands before the next item.
    pub(crate) fn before_item(&mut self) -> String {
        let text = if self.is_begun {
            ",".to_owned()
        } else {
            self.begin()
        };
        self.is_begun = true;
        text
    }

    /// What stands before the list, unless that is written.
    pub(crate) fn begin(&self) -> String {
        if self.is_begun {
            return String::new();
        }
        format!("{{\"schema\":{SCHEMA},{:?}:[", self.name)
    }
}
