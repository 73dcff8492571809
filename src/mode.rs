//! The modes of a device: what leash may do to it.
//!
//! The rest of the program does not compare modes. It asks the questions below, so that a new mode is one variant and its
//! answers here.

/// What leash may do to a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Never judged, never stored in detail: the household's browsing is nobody's business.
    Trust,
    /// Judged and shown, nothing blocked.
    #[default]
    Observe,
    /// The verdicts of the detectors are enforced.
    Guard,
    /// No Internet.
    Local,
}

impl Mode {
    /// All modes with their words.
    pub const ALL: [(Mode, &str); 4] =
        [(Mode::Trust, "trust"), (Mode::Observe, "observe"), (Mode::Guard, "guard"), (Mode::Local, "local")];

    /// The words of all modes as a sentence has them.
    pub const WORDS: &str = "trust, observe, guard or local";

    /// Returns the word that the configuration, the commands and the JSON have for the mode.
    pub fn text(self) -> &'static str {
        Mode::ALL.iter().find(|(mode, _)| *mode == self).map_or("", |(_, text)| text)
    }

    /// Reads the word for a mode.
    ///
    /// # Errors
    /// A sentence that lists the modes.
    pub fn parse(text: &str) -> Result<Mode, String> {
        let known = Mode::ALL.iter().find(|(_, word)| *word == text).map(|(mode, _)| *mode);
        known.ok_or_else(|| format!("'{text}' is not a mode: {}", Mode::WORDS))
    }

    /// Returns true when the detectors look at the device and its contacts are kept in detail.
    pub fn is_judged(self) -> bool {
        match self {
            Mode::Trust => false,
            Mode::Observe | Mode::Guard | Mode::Local => true,
        }
    }

    /// Returns true when what the detectors find is blocked, not only shown.
    pub fn blocks_findings(self) -> bool {
        match self {
            Mode::Guard => true,
            Mode::Trust | Mode::Observe | Mode::Local => false,
        }
    }

    /// Returns true when the device may not reach the Internet at all.
    pub fn is_offline(self) -> bool {
        match self {
            Mode::Local => true,
            Mode::Trust | Mode::Observe | Mode::Guard => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_has_every_word() {
        let words = Mode::ALL.map(|(_, word)| word);
        let (last, others) = words.split_last().unwrap();
        assert_eq!(Mode::WORDS, format!("{} or {last}", others.join(", ")));
        for (mode, word) in Mode::ALL {
            assert_eq!((mode.text(), Mode::parse(word)), (word, Ok(mode)));
        }
        assert_eq!(Mode::parse("fierce").unwrap_err(), "'fierce' is not a mode: trust, observe, guard or local");
    }
}
