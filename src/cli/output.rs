//! What a command ends with: lines on standard output and standard error, and an exit code.

use crate::api::ApiError;
use std::io::{self, Write};

/// The exit codes of sysexits(3).
pub mod exit {
    /// Wrong arguments.
    pub const USAGE: u8 = 64;
    /// A file is damaged or of another kind; what could be read was still reported.
    pub const DATA: u8 = 65;
    /// A file cannot be read.
    pub const NO_INPUT: u8 = 66;
    /// There is no such device, or no daemon.
    pub const UNAVAILABLE: u8 = 69;
    /// The output cannot be written.
    pub const IO: u8 = 74;
    /// The caller may not do this.
    pub const NO_PERMISSION: u8 = 77;
    /// The settings are wrong.
    pub const CONFIG: u8 = 78;
}

/// Why a command ended early: a sentence for standard error, if there is anything to say, and the exit code.
pub struct Failure {
    message: Option<String>,
    code: u8,
}

impl Failure {
    /// Returns a failure with a sentence that says why.
    pub fn new(message: impl Into<String>, code: u8) -> Failure {
        Failure { message: Some(message.into()), code }
    }

    /// Writes the sentence to standard error. Returns the exit code.
    pub fn report(self) -> u8 {
        if let Some(message) = self.message {
            complain(&message);
        }
        self.code
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Failure {
        let code = match error {
            ApiError::Argument(_) => exit::USAGE,
            ApiError::NotFound(_) | ApiError::Failed(_) => exit::UNAVAILABLE,
            ApiError::Denied(_) => exit::NO_PERMISSION,
        };
        Failure::new(error.text().1, code)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            // Whoever reads our output may stop at any line (head, a pager): that is no error.
            io::ErrorKind::BrokenPipe => Failure { message: None, code: 0 },
            _ => Failure::new(format!("cannot write the output: {error}"), exit::IO),
        }
    }
}

/// Writes a line to standard output.
pub fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{}", text.trim_end());
}

/// Writes a line to standard error.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "leash: {text}");
}
