//! What a first payload gives away of the house in the clear: the hardware address of a station, or a word that the
//! user listed as private (the name of the wireless network, a person's name).

use crate::model::{Hint, Mac};

/// Searches a payload for the address of a station that `is_ours`, and for the words, whatever their case. TLS records
/// are not searched.
pub fn find(payload: &[u8], is_ours: impl Fn(Mac) -> bool, words: &[String]) -> Option<Hint> {
    if payload.starts_with(&[22, 3]) {
        return None;
    }
    let mac = (0..payload.len()).filter_map(|at| mac_at(&payload[at..])).find(|mac| is_ours(*mac));
    let holds = |word: &String| {
        !word.is_empty() && payload.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
    };
    let word = words.iter().take(256).position(holds).map(|place| place as u8);
    (mac.is_some() || word.is_some()).then_some(Hint::Plaintext { mac, word })
}

/// Reads `02:11:22:33:44:55`, `02-11-22-33-44-55` or `021122334455` at the beginning of a text.
fn mac_at(text: &[u8]) -> Option<Mac> {
    let separator = text.get(2).copied().filter(|byte| matches!(byte, b':' | b'-'));
    let step = 2 + usize::from(separator.is_some());
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16)).map(|digit| digit as u8);
    let mut octets = [0; 6];
    for (place, octet) in octets.iter_mut().enumerate() {
        let at = place * step;
        *octet = digit(at)? << 4 | digit(at + 1)?;
        if place > 0 && separator.is_some_and(|separator| text[at - 1] != separator) {
            return None;
        }
    }
    Some(Mac(octets)).filter(|mac| mac.is_station())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stations_and_words_are_found() {
        let ours = Mac([2, 0x11, 0x22, 0x33, 0x44, 0xff]);
        let words = ["".to_string(), "Home WLAN".to_string()];
        let found = |text: &str| find(text.as_bytes(), |mac| mac == ours, &words);
        for text in ["id=021122334 4FF", "GET /?m=02:11:22:33:44:fe", "02:11-22:33:44:ff", "02112233", "home_wlan"] {
            assert_eq!(found(text), None, "{text}");
        }
        for text in ["id=0211223344FF", "x02:11:22:33:44:ffx", "a 02-11-22-33-44-FF", "000211223344ff"] {
            assert_eq!(found(text), Some(Hint::Plaintext { mac: Some(ours), word: None }), "{text}");
        }
        assert_eq!(found("ssid: HOME wlan"), Some(Hint::Plaintext { mac: None, word: Some(1) }));
        assert_eq!(found("\x16\x030211223344ff"), None);
    }
}
