//! What the beginning of a client's byte stream is found to be.

use crate::model::Hint;

/// What the beginning of a client's byte stream is.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// A whole request, and how many bytes of the stream it takes: behind them the next layer begins.
    Whole(Hint, usize),
    /// The bytes may become a request when more of them come.
    Incomplete,
    /// The bytes begin no request that is known.
    Unknown,
}

impl Request {
    /// Returns this request, or where it is [`Request::Unknown`] what `other` finds.
    pub fn or(self, other: impl FnOnce() -> Request) -> Request {
        if self == Request::Unknown { other() } else { self }
    }
}
