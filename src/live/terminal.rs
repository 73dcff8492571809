//! What the terminal can do.

use crate::cli::report::Style;
use std::io::IsTerminal;

/// Colours only where standard output is a terminal and nobody asked for none (<https://no-color.org>).
pub fn style() -> Style {
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Style { colour }
}
