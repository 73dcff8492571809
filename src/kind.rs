//! What a device is, in one word.

/// A kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A computer that people work with.
    Computer,
    /// A telephone.
    Phone,
    /// A tablet.
    Tablet,
    /// A television, or a box or stick that plays films on one.
    Tv,
    /// A loudspeaker, also one that listens.
    Speaker,
    /// A camera or a doorbell with one.
    Camera,
    /// A plug or a switch.
    Plug,
    /// A lamp, or a bridge for lamps.
    Light,
    /// Any other thing: a sensor, a lock, an appliance, a hub for such things.
    Thing,
    /// A printer or scanner.
    Printer,
    /// A router, an access point, an extender or a switch for cables.
    Router,
    /// A console for games.
    Console,
    /// A disk for the house, or a server.
    Storage,
}

impl Kind {
    /// All kinds, each with the word for it.
    pub const ALL: [(Kind, &str); 13] = [
        (Kind::Computer, "computer"),
        (Kind::Phone, "phone"),
        (Kind::Tablet, "tablet"),
        (Kind::Tv, "tv"),
        (Kind::Speaker, "speaker"),
        (Kind::Camera, "camera"),
        (Kind::Plug, "plug"),
        (Kind::Light, "light"),
        (Kind::Thing, "thing"),
        (Kind::Printer, "printer"),
        (Kind::Router, "router"),
        (Kind::Console, "console"),
        (Kind::Storage, "storage"),
    ];

    /// The words for all kinds as they stand in a sentence.
    pub const WORDS: &str =
        "computer, phone, tablet, tv, speaker, camera, plug, light, thing, printer, router, console or storage";

    /// Returns the word that the settings, the commands and the JSON use.
    pub fn text(self) -> &'static str {
        Kind::ALL[self as usize].1
    }

    /// Reads the word for a kind.
    ///
    /// # Errors
    /// A sentence that lists the kinds if the word is for none of them.
    pub fn parse(text: &str) -> Result<Kind, String> {
        let known = Kind::ALL.iter().find(|(_, word)| *word == text).map(|(kind, _)| *kind);
        known.ok_or_else(|| format!("'{}' is not a type: {}", text.escape_default(), Kind::WORDS))
    }

    /// Whether it is made for one purpose and calls its maker and little else.
    pub fn is_simple(self) -> bool {
        matches!(self, Kind::Camera | Kind::Plug | Kind::Light | Kind::Thing | Kind::Printer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_has_every_word() {
        let words = Kind::ALL.map(|(_, word)| word);
        let (last, others) = words.split_last().unwrap();
        assert_eq!(Kind::WORDS, format!("{} or {last}", others.join(", ")));
        for (kind, word) in Kind::ALL {
            assert_eq!((kind.text(), Kind::parse(word)), (word, Ok(kind)));
        }
        assert!(Kind::parse("toaster").is_err());
    }
}
