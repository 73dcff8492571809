//! What leash says to people, as data: a form with gaps, and the values that fill them. [`Display`] makes the English;
//! the page translates the form and fills the gaps itself, so that nobody has to take English sentences apart again.
//!
//! Forms are written where they are used, with [`sentence!`](crate::sentence!), and collected from there into
//! `luci-app/htdocs/luci-static/resources/leash/forms.js` (tests/package.rs), where LuCI's scanner of strings finds them.

use crate::model::Name;
use crate::time::Span;
use crate::units;
use serde_json::{Map, Value as Json, json};
use std::borrow::Cow;
use std::fmt::{self, Display, Write};
use std::net::IpAddr;

/// Makes a [`Sentence`] of a literal form and its values: `sentence!("calls %s every %s", address, span)`.
///
/// Each `%s` is a gap, and `%%` is a percent sign. It does not compile unless there is one value for each gap.
#[macro_export]
macro_rules! sentence {
    ($form:literal $(, $value:expr)* $(,)?) => {{
        const { assert!($crate::sentence::gaps($form) == <[&str]>::len(&[$(stringify!($value)),*]), "a value for each gap") }
        $crate::sentence::Sentence::new($form, vec![$($crate::sentence::Value::from($value)),*])
    }};
}

/// Returns how many `%s` a form has; [`sentence!`](crate::sentence!) asks at compile time.
pub const fn gaps(form: &str) -> usize {
    let bytes = form.as_bytes();
    let (mut at, mut count) = (0, 0);
    while at + 1 < bytes.len() {
        if bytes[at] == b'%' {
            assert!(bytes[at + 1] == b's' || bytes[at + 1] == b'%', "only %s and %% stand in a form");
            count += (bytes[at + 1] == b's') as usize;
            at += 1;
        }
        at += 1;
    }
    count
}

/// A value that fills a gap. It becomes text only when somebody reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text that is the same in every language.
    Text(Cow<'static, str>),
    /// A name from the network.
    Name(Name),
    /// An address.
    Address(IpAddr),
    /// A length of time.
    Span(Span),
    /// A size in bytes, which people read as `1.2 kB`.
    Bytes(u64),
    /// A count.
    Number(u64),
    /// A part that is a sentence of its own, and is translated by itself.
    Sentence(Sentence),
}

/// A form and the values for its gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    form: Cow<'static, str>,
    values: Vec<Value>,
}

impl Sentence {
    /// Makes a sentence of a form that has as many gaps as there are values. Call [`sentence!`](crate::sentence!)
    /// instead, which checks that.
    pub fn new(form: &'static str, values: Vec<Value>) -> Sentence {
        Sentence { form: Cow::Borrowed(form), values }
    }

    /// Makes a sentence of a text that is the same in every language, such as an error of the system.
    pub fn verbatim(text: impl Into<Cow<'static, str>>) -> Sentence {
        Sentence { form: Cow::Borrowed("%s"), values: vec![Value::Text(text.into())] }
    }

    /// Returns the English form, which is also the key of its translation.
    pub fn form(&self) -> &str {
        &self.form
    }

    /// Returns `self; next` as one sentence.
    pub fn and_then(self, next: Sentence) -> Sentence {
        sentence!("%s; %s", self, next)
    }

    /// Returns `a`, `a and b` or `a, b and c`; absent if there are no parts.
    pub fn list(parts: Vec<Sentence>) -> Option<Sentence> {
        let last = parts.len().checked_sub(2);
        let mut parts = parts.into_iter().enumerate();
        let (_, first) = parts.next()?;
        Some(parts.fold(first, |list, (index, part)| {
            if Some(index - 1) == last { sentence!("%s and %s", list, part) } else { sentence!("%s, %s", list, part) }
        }))
    }

    /// Returns `{"form": …, "values": […]}`, where a value is a text, a number, or again such an object for a part.
    pub fn parts(&self) -> Json {
        let value = |value: &Value| match value {
            Value::Number(number) => Json::from(*number),
            Value::Sentence(sentence) => sentence.parts(),
            text => Json::from(text.to_string()),
        };
        json!({ "form": &*self.form, "values": self.values.iter().map(value).collect::<Vec<_>>() })
    }

    /// Returns [`Sentence::parts`] with the English `message` beside them, which is how every sentence stands in the JSON.
    pub fn json(&self) -> Json {
        let mut map = Map::new();
        self.put_into(&mut map);
        Json::Object(map)
    }

    /// Adds `message`, `form` and `values` to the members of a JSON object.
    pub fn put_into(&self, map: &mut Map<String, Json>) {
        map.insert("message".into(), self.to_string().into());
        if let Json::Object(parts) = self.parts() {
            map.extend(parts);
        }
    }

    /// Reads what [`Sentence::parts`] wrote. Returns `None` if a member is missing or of another type, if there is not one
    /// value for each gap, or if sentences nest too deeply.
    pub fn from_parts(json: &Json) -> Option<Sentence> {
        // Each `and_then` nests once more: the reason for a block is a dozen parts, each of up to eight.
        Sentence::from_parts_within(json, 32)
    }

    fn from_parts_within(json: &Json, depth: u8) -> Option<Sentence> {
        let form = json.get("form")?.as_str()?.to_owned();
        let value = |value: &Json| match value {
            Json::String(text) => Some(Value::Text(text.clone().into())),
            Json::Number(number) => Some(Value::Number(number.as_u64()?)),
            part => Some(Value::Sentence(Sentence::from_parts_within(part, depth.checked_sub(1)?)?)),
        };
        let values: Vec<Value> = json.get("values")?.as_array()?.iter().map(value).collect::<Option<_>>()?;
        let fits = form.replace("%%", "").matches("%s").count() == values.len();
        fits.then_some(Sentence { form: Cow::Owned(form), values })
    }
}

impl Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (mut rest, mut values) = (&*self.form, self.values.iter());
        while let Some((before, after)) = rest.split_once('%') {
            f.write_str(before)?;
            rest = match after.strip_prefix('s') {
                Some(after) => {
                    values.next().map_or(Ok(()), |value| value.fmt(f))?;
                    after
                }
                None => {
                    f.write_char('%')?;
                    after.strip_prefix('%').unwrap_or(after)
                }
            };
        }
        f.write_str(rest)
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Name(name) => f.write_str(name),
            Value::Address(address) => address.fmt(f),
            Value::Span(span) => span.fmt(f),
            Value::Bytes(bytes) => f.write_str(&units::bytes(*bytes)),
            Value::Number(number) => number.fmt(f),
            Value::Sentence(sentence) => sentence.fmt(f),
        }
    }
}

impl From<Sentence> for Value {
    fn from(sentence: Sentence) -> Value {
        Value::Sentence(sentence)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned().into())
    }
}

macro_rules! value {
    ($($type:ty, $variant:ident;)*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Value {
                Value::$variant(value.into())
            }
        }
    )*};
}
value! {
    String, Text;
    IpAddr, Address;
    Span, Span;
    Name, Name;
}

macro_rules! number {
    ($($type:ty)*) => {$(
        impl From<$type> for Value {
            fn from(number: $type) -> Value {
                Value::Number(number.into())
            }
        }
    )*};
}
number!(u8 u16 u32 u64);

impl From<usize> for Value {
    fn from(number: usize) -> Value {
        Value::Number(number as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_english_and_data() {
        let said = sentence!("calls %s %s times; %s %% of it %s", "a.example", 3_u32, 7_u8, sentence!("at night"));
        assert_eq!(said.to_string(), "calls a.example 3 times; 7 % of it at night");
        assert_eq!(
            said.parts(),
            json!({
                "form": "calls %s %s times; %s %% of it %s",
                "values": ["a.example", 3, 7, { "form": "at night", "values": [] }],
            })
        );
        assert_eq!(said.json()["message"], "calls a.example 3 times; 7 % of it at night");
        assert_eq!(Sentence::from_parts(&said.parts()).unwrap(), said);
    }

    #[test]
    fn a_value_cannot_open_a_gap() {
        assert_eq!(sentence!("calls %s, %s", "%s%%", "x").to_string(), "calls %s%%, x");
        assert_eq!(Sentence::verbatim("100 %s").to_string(), "100 %s");
    }

    #[test]
    fn lists_end_in_and() {
        let parts = |n: usize| ["a", "b", "c", "d"][..n].iter().map(|text| Sentence::verbatim(*text)).collect();
        let said = |n| Sentence::list(parts(n)).map(|list| list.to_string());
        assert_eq!(said(0), None);
        assert_eq!([1, 2, 4].map(|n| said(n).unwrap()), ["a", "a and b", "a, b, c and d"]);
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        for bad in [
            json!("text"),
            json!({ "form": "%s" }),
            json!({ "form": "%s", "values": [] }),
            json!({ "form": "a", "values": ["b"] }),
            json!({ "form": "%s", "values": [-1] }),
            json!({ "form": "%s", "values": [null] }),
        ] {
            assert_eq!(Sentence::from_parts(&bad), None, "{bad}");
        }
        let mut deep = json!({ "form": "a", "values": [] });
        for _ in 0..33 {
            deep = json!({ "form": "%s", "values": [deep] });
        }
        assert_eq!(Sentence::from_parts(&deep), None);
        let parts = (0..20).map(|_| Sentence::verbatim("because")).reduce(Sentence::and_then).unwrap();
        assert_eq!(Sentence::from_parts(&parts.parts()).unwrap().to_string(), parts.to_string());
    }
}
