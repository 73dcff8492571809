//! The numbers behind a finding in words, for people.

use crate::detect::detector::{Evidence, Finding};
use crate::sentence;
use crate::sentence::{Sentence, Value};
use crate::time::Span;

/// How a number is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Count,
    Bytes,
    Seconds,
    /// It is only said that it is so.
    Flag,
}

/// What is said of evidence by its name: with the number where that is not a flag. Of what is not among these, people
/// learn nothing.
const WORDS: [(&str, Unit, &str); 43] = [
    ("addresses", Unit::Count, "%s addresses"),
    ("after_denial", Unit::Count, "%s connections after such an answer"),
    ("boots", Unit::Flag, "watched since it booted"),
    ("by_address", Unit::Flag, "called without a lookup"),
    ("bytes", Unit::Bytes, "%s"),
    ("countries", Unit::Count, "countries: %s"),
    ("days", Unit::Count, "compared with days before: %s"),
    ("delay_ms", Unit::Count, "%s ms before it speaks"),
    ("denials", Unit::Count, "answers that a name has none: %s"),
    ("devices", Unit::Count, "%s devices of the house"),
    ("failed", Unit::Count, "%s attempts failed"),
    ("flow", Unit::Flag, "1 connection"),
    ("flows", Unit::Count, "%s connections"),
    ("follows_percent", Unit::Count, "both sides rise and fall together: %s %%"),
    ("hardware_address", Unit::Flag, "its hardware address was readable"),
    ("hosting", Unit::Flag, "a hosting provider's network"),
    ("hours_ago", Unit::Count, "hours since the first time: %s"),
    ("hours_with_new_sites", Unit::Count, "hours with new sites: %s"),
    ("in_step_percent", Unit::Count, "%s %% of it within the same minute"),
    ("listed_address", Unit::Flag, "the list has its address"),
    ("listed_name", Unit::Flag, "the list has its name"),
    ("lookup", Unit::Flag, "its one lookup did not name it"),
    ("lookups", Unit::Count, "none of its %s lookups named it"),
    ("masters", Unit::Count, "for how many addresses: %s"),
    ("name_servers", Unit::Count, "%s name servers"),
    ("named_later", Unit::Flag, "looked up later only"),
    ("names", Unit::Count, "%s names"),
    ("networks", Unit::Count, "%s networks"),
    ("new_programs", Unit::Count, "new ways to speak TLS: %s"),
    ("new_sites", Unit::Count, "sites that are new today: %s"),
    ("of_lookups", Unit::Count, "of %s lookups"),
    ("other_lookups", Unit::Flag, "other devices looked it up"),
    ("passed_on_percent", Unit::Count, "%s %% is passed on"),
    ("period_s", Unit::Seconds, "every %s"),
    ("ports", Unit::Count, "%s ports"),
    ("private_word", Unit::Flag, "a private word was readable"),
    ("proven", Unit::Flag, "lookups explain nearly all else"),
    ("proxy", Unit::Flag, "a proxy's protocol"),
    ("received_bytes", Unit::Bytes, "%s received"),
    ("score_percent", Unit::Count, "%s %% regular"),
    ("sent_bytes", Unit::Bytes, "%s sent"),
    ("session", Unit::Flag, "a server set it up or handed it out"),
    ("twins", Unit::Count, "repeated the other way round: %s"),
];

/// Returns the forms of all that is said, for those who translate.
pub fn forms() -> impl Iterator<Item = &'static str> {
    WORDS.iter().map(|(.., form)| *form)
}

/// Returns what a finding rests on, such as "40 connections, 354 kB; none of its 15 lookups named it"; absent where there
/// are no words for it.
pub fn in_words(finding: &Finding) -> Option<Sentence> {
    let mut all: Option<Sentence> = None;
    let has = |name: &str| finding.evidence.iter().any(|other| other.name == name && other.seen > 0);
    for evidence in finding.evidence.iter().filter(|evidence| evidence.seen > 0) {
        let Some(words) = words(evidence, &has) else { continue };
        all = Some(match all {
            None => words,
            Some(all) if evidence.name == "lookups" && !has("names") => all.and_then(words),
            Some(all) => sentence!("%s, %s", all, words),
        });
    }
    all
}

/// Returns the words for one number. `has` returns whether the finding rests on a number of this name, too.
fn words(evidence: &Evidence, has: &dyn Fn(&str) -> bool) -> Option<Sentence> {
    let seen = evidence.seen;
    let name = match evidence.name {
        "flows" if seen == 1 => "flow",
        "lookups" if has("names") => "of_lookups",
        "lookups" if has("named_later") => return None,
        "lookups" if seen == 1 => "lookup",
        name => name,
    };
    let (_, unit, form) = WORDS.iter().find(|(known, ..)| *known == name)?;
    let value = match unit {
        Unit::Flag => return Some(Sentence::new(form, &mut [])),
        Unit::Count => Value::Number(seen),
        Unit::Bytes => Value::Bytes(seen),
        Unit::Seconds => Value::Span(Span::secs(seen)),
    };
    Some(Sentence::new(form, &mut [value]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Strength;
    use crate::sentence::gaps;

    #[test]
    fn evidence_is_said_in_words() {
        assert!(WORDS.is_sorted_by_key(|(name, ..)| name));
        assert!(WORDS.iter().all(|(_, unit, form)| gaps(form) == Some(usize::from(*unit != Unit::Flag))));
        let tell = |evidence: &[(&'static str, u64)]| {
            let evidence = evidence.iter().map(|&(name, seen)| Evidence { name, seen, limit: 1 }).collect();
            let message = Sentence::verbatim("it");
            in_words(&Finding { detector: "direct-ip", strength: Strength::Fair, kinds: 1, message, evidence })
                .map(|said| said.to_string())
        };
        let said = tell(&[("flows", 40), ("bytes", 354_000), ("lookups", 15), ("boots", 1), ("session", 0)]);
        let expected = "40 connections, 354 kB; none of its 15 lookups named it, watched since it booted";
        assert_eq!(said.as_deref(), Some(expected));
        assert_eq!(
            tell(&[("flows", 1), ("lookups", 1)]).as_deref(),
            Some("1 connection; its one lookup did not name it")
        );
        assert_eq!(tell(&[("carriers_tenths", 7)]), None, "there are no words for it");
    }
}
