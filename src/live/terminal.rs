//! What the terminal can do.

use std::io::IsTerminal;

/// Returns whether to write colours: standard output is a terminal, and nobody asked for none (<https://no-color.org>).
pub fn has_colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
