//! The modes of a device: what leash may do to it.
//!
//! The rest of the program does not compare modes. It asks the questions below, so that a new mode is one variant and
//! its answers here.

/// What leash may do to a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The device is never judged and never stored in detail: the household's browsing is nobody's business.
    Trust,
    /// The device is judged and shown, but nothing is blocked on the detectors' word.
    #[default]
    Observe,
    /// The verdicts of the detectors are enforced.
    Guard,
    /// The device may not reach the Internet at all.
    Local,
}

/// The word for having no mode of one's own: the default mode of the settings holds.
pub const DEFAULT: &str = "default";

impl Mode {
    /// All modes, each with the word for it.
    pub const ALL: [(Mode, &str); 4] =
        [(Mode::Trust, "trust"), (Mode::Observe, "observe"), (Mode::Guard, "guard"), (Mode::Local, "local")];

    /// The words for all modes as they stand in a sentence.
    pub const WORDS: &str = "trust, observe, guard or local";

    /// Returns the word that the configuration, the commands and the JSON use for the mode.
    pub fn text(self) -> &'static str {
        Mode::ALL.iter().find(|(mode, _)| *mode == self).map_or("", |(_, text)| text)
    }

    /// Reads the word for a mode.
    ///
    /// # Errors
    /// Returns a sentence that lists the modes if the word is for none of them.
    pub fn parse(text: &str) -> Result<Mode, String> {
        let known = Mode::ALL.iter().find(|(_, word)| *word == text).map(|(mode, _)| *mode);
        known.ok_or_else(|| format!("'{text}' is not a mode: {}", Mode::WORDS))
    }

    /// Reads the mode that a device is to have of its own: the word for a mode, or [`DEFAULT`] for none.
    ///
    /// # Errors
    /// Those of [`Mode::parse`].
    pub fn parse_own(text: &str) -> Result<Option<Mode>, String> {
        (text != DEFAULT).then(|| Mode::parse(text)).transpose()
    }

    /// Returns true if the detectors judge the device and its contacts are kept in detail.
    pub fn is_judged(self) -> bool {
        match self {
            Mode::Trust => false,
            Mode::Observe | Mode::Guard | Mode::Local => true,
        }
    }

    /// Returns true if what the detectors find is blocked rather than only shown.
    pub fn blocks_findings(self) -> bool {
        match self {
            Mode::Guard => true,
            Mode::Trust | Mode::Observe | Mode::Local => false,
        }
    }

    /// Returns true if the device may not reach the Internet at all.
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
        assert_eq!((Mode::parse_own(DEFAULT), Mode::parse_own("guard")), (Ok(None), Ok(Some(Mode::Guard))));
        assert_eq!(Mode::parse("fierce").unwrap_err(), "'fierce' is not a mode: trust, observe, guard or local");
    }
}
