//! What leash says to people, as data: a form with gaps, and the values that fill them. [`Display`] makes the English;
//! the page translates the form and fills the gaps itself, so that nobody has to take English sentences apart again.
//!
//! Forms are written where they are used, with [`sentence!`](crate::sentence!), and collected from there into
//! `luci-app/htdocs/luci-static/resources/leash/forms.js` (tests/package.rs), where LuCI's scanner of strings finds
//! them.

use crate::model::Name;
use crate::time::Span;
use crate::units;
use serde_json::{Map, Value as Json, json};
use std::fmt::{self, Display, Write};
use std::net::IpAddr;
use std::rc::Rc;

/// Makes a [`Sentence`] of a literal form and its values: `sentence!("calls %s every %s", address, span)`.
///
/// Each `%s` is a gap, and `%%` is a percent sign. It does not compile unless there is one value for each gap.
#[macro_export]
macro_rules! sentence {
    ($form:literal $(, $value:expr)* $(,)?) => {{
        const {
            let values = <[&str]>::len(&[$(stringify!($value)),*]);
            assert!(matches!($crate::sentence::gaps($form), Some(gaps) if gaps == values), "one value for each %s");
        }
        $crate::sentence::Sentence::new($form, &mut [$($crate::sentence::Value::from($value)),*])
    }};
}

/// Returns how many `%s` a form has; absent if a `%` in it is neither in a `%s` nor in a `%%`.
pub const fn gaps(form: &str) -> Option<usize> {
    let bytes = form.as_bytes();
    let (mut at, mut count) = (0, 0);
    while at < bytes.len() {
        if bytes[at] == b'%' {
            at += 1;
            if at == bytes.len() || bytes[at] != b's' && bytes[at] != b'%' {
                return None;
            }
            count += (bytes[at] == b's') as usize;
        }
        at += 1;
    }
    Some(count)
}

/// A value that fills a gap. It becomes text only when somebody reads it.
#[derive(Clone, Debug)]
pub enum Value {
    /// A text that is the same in every language.
    Text(Rc<str>),
    /// A word of the program that is the same in every language, such as the name of a detector.
    Word(&'static str),
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
///
/// Its parts are kept in one piece of memory: the form, then its values in their order, where a value that is a
/// sentence is again a form with its values. Thousands of blocks keep one each, which tables/budget.rs counts.
#[derive(Clone, Debug)]
pub struct Sentence(Box<[Part]>);

#[derive(Clone, Debug)]
enum Part {
    /// A form that is written in the program.
    Form(&'static str),
    /// A form that was read from a file.
    ReadForm(Rc<str>),
    /// A value that is no sentence.
    Value(Value),
}

impl Part {
    /// Returns the form if this is where a sentence begins.
    fn form(&self) -> Option<&str> {
        match self {
            Part::Form(form) => Some(form),
            Part::ReadForm(form) => Some(form),
            Part::Value(_) => None,
        }
    }
}

impl Sentence {
    /// Makes a sentence of a form that has as many gaps as there are values. Call [`sentence!`](crate::sentence!)
    /// instead, which checks that.
    pub fn new(form: &'static str, values: &mut [Value]) -> Sentence {
        Sentence::of(Part::Form(form), values)
    }

    /// The values are taken out of the slice.
    fn of(form: Part, values: &mut [Value]) -> Sentence {
        let length = |value: &Value| if let Value::Sentence(sentence) = value { sentence.0.len() } else { 1 };
        let mut parts = Vec::with_capacity(1 + values.iter().map(length).sum::<usize>());
        parts.push(form);
        for value in values {
            match std::mem::replace(value, Value::Number(0)) {
                Value::Sentence(sentence) => parts.extend(sentence.0),
                value => parts.push(Part::Value(value)),
            }
        }
        Sentence(parts.into())
    }

    /// Makes a sentence of a text that is the same in every language, such as an error of the system.
    pub fn verbatim(text: impl Into<Rc<str>>) -> Sentence {
        Sentence::new("%s", &mut [Value::Text(text.into())])
    }

    /// Returns the English form, which is also the key of its translation.
    pub fn form(&self) -> &str {
        self.0.first().and_then(Part::form).unwrap_or_default()
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
        json_of(&mut self.0.iter())
    }

    /// Returns [`Sentence::parts`] with the English `message` beside them, which is how every sentence stands in the
    /// JSON.
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

    /// Reads what [`Sentence::parts`] wrote. Returns `None` if a member is missing or of another type, if there is not
    /// one value for each gap, or if sentences nest too deeply.
    pub fn from_parts(json: &Json) -> Option<Sentence> {
        Sentence::from_parts_sharing(json, &mut Vec::new())
    }

    /// Does what [`Sentence::from_parts`] does; sentences that are read with the same list share the texts of their
    /// forms, of which there are few.
    pub fn from_parts_sharing(json: &Json, forms: &mut Vec<Rc<str>>) -> Option<Sentence> {
        // Each `and_then` nests once more: the reason for a block is a dozen parts, each of up to eight.
        Sentence::from_parts_within(json, 32, forms)
    }

    fn from_parts_within(json: &Json, depth: u8, forms: &mut Vec<Rc<str>>) -> Option<Sentence> {
        let form = json.get("form")?.as_str()?;
        let known = forms.iter().find(|known| &***known == form).cloned();
        let shared = known.unwrap_or_else(|| {
            let form: Rc<str> = form.into();
            forms.push(form.clone());
            form
        });
        let mut value = |value: &Json| match value {
            Json::String(text) => Some(text.parse().map_or_else(|_| Value::from(text.as_str()), Value::Address)),
            Json::Number(number) => Some(Value::Number(number.as_u64()?)),
            part => Some(Value::Sentence(Sentence::from_parts_within(part, depth.checked_sub(1)?, forms)?)),
        };
        let mut values: Vec<Value> = json.get("values")?.as_array()?.iter().map(&mut value).collect::<Option<_>>()?;
        (gaps(form)? == values.len()).then(|| Sentence::of(Part::ReadForm(shared), &mut values))
    }

    /// Returns how many bytes it keeps beside itself, as tables/budget.rs counts them.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self, allocation: usize) -> usize {
        let text = |part: &Part| match part {
            Part::ReadForm(text) | Part::Value(Value::Text(text)) => allocation + 2 * size_of::<usize>() + text.len(),
            _ => 0,
        };
        allocation + size_of_val(&*self.0) + self.0.iter().map(text).sum::<usize>()
    }
}

/// How many bytes the form and each value of a [`Sentence`] take.
pub const PART_BYTES: usize = size_of::<Part>();

/// Takes a value, or a form with its values, from the front of the parts. Returns it as it stands in the JSON.
fn json_of(parts: &mut std::slice::Iter<Part>) -> Json {
    match parts.next() {
        None => Json::Null,
        Some(Part::Value(Value::Number(number))) => Json::from(*number),
        Some(Part::Value(value)) => Json::from(value.to_string()),
        Some(part) => {
            let form = part.form().unwrap_or_default();
            let values: Vec<Json> = (0..gaps(form).unwrap_or_default()).map(|_| json_of(parts)).collect();
            json!({ "form": form, "values": values })
        }
    }
}

/// Takes a value, or a form with its values, from the front of the parts, and writes its English.
fn write_english(parts: &mut std::slice::Iter<Part>, f: &mut fmt::Formatter) -> fmt::Result {
    let mut rest = match parts.next() {
        None => return Ok(()),
        Some(Part::Value(value)) => return value.fmt(f),
        Some(part) => part.form().unwrap_or_default(),
    };
    while let Some((before, after)) = rest.split_once('%') {
        f.write_str(before)?;
        if let Some(after) = after.strip_prefix('s') {
            write_english(parts, f)?;
            rest = after;
        } else {
            f.write_char('%')?;
            rest = after.strip_prefix('%').unwrap_or(after);
        }
    }
    f.write_str(rest)
}

impl Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write_english(&mut self.0.iter(), f)
    }
}

/// Sentences are equal if they are equal in every language, whatever their values are made of.
impl PartialEq for Sentence {
    fn eq(&self, other: &Sentence) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Sentence {}

impl Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Word(word) => f.write_str(word),
            Value::Address(address) => address.fmt(f),
            Value::Span(span) => span.fmt(f),
            Value::Bytes(bytes) => f.write_str(&units::bytes(*bytes)),
            Value::Number(number) => number.fmt(f),
            Value::Sentence(sentence) => sentence.fmt(f),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.into())
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Value {
        Value::Number(number as u64)
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
    Sentence, Sentence;
    String, Text;
    Name, Text;
    IpAddr, Address;
    Span, Span;
    u8, Number;
    u16, Number;
    u32, Number;
    u64, Number;
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
            json!({ "form": "100 %", "values": [] }),
            json!({ "form": "%d", "values": [1] }),
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
