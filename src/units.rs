//! Numbers for people.

/// Returns a number of bytes as `317 B`, `1.2 kB` or `34 MB`: in powers of ten, with one decimal where it is below ten.
pub fn bytes(n: u64) -> String {
    let mut value = n as f64;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        if value < 999.5 || unit == "TB" {
            let digits = usize::from(unit != "B" && value < 9.95);
            return format!("{value:.digits$} {unit}");
        }
        value /= 1_000.0;
    }
    String::new()
}

/// Returns a number with a word: `1 flow`, `2,000 flows`.
pub fn count(n: u64, word: &str) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {word}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_counts_are_short() {
        let said: Vec<String> = [0, 999, 1_234, 12_345, 999_600, 34_000_000].map(bytes).into();
        assert_eq!(said, ["0 B", "999 B", "1.2 kB", "12 kB", "1.0 MB", "34 MB"]);
        assert_eq!((count(1, "flow"), count(1_234_567, "packet")), ("1 flow".into(), "1,234,567 packets".into()));
    }
}
