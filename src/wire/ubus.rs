//! ubus, OpenWrt's bus (ubusmsg.h, ubusd, libubus): its messages, and the part of a program that offers an object on it.
//!
//! A message is a head (version 0, kind, u16 sequence, u32 peer) and one blob with attributes. ubusd speaks first (HELLO);
//! each request of ours is answered by DATA and one STATUS with our sequence, and calls for us may come in between.

use crate::wire::blobmsg::{self, Attributes, Integers, kind};
use serde_json::{Value, json};

/// The largest blob that ubusd takes (UBUS_MAX_MSGLEN); it closes the connection on more.
pub const LARGEST: usize = 1 << 20;
/// What a caller may send us: all of our methods want a few words.
pub const ARGUMENTS: usize = 64 << 10;
/// What may wait to be written before events are dropped.
const CROWDED: usize = 64 << 10;
/// Requests of ours that wait for their answer.
const WAITING: usize = 64;
const HEAD: usize = 8;

/// Kinds of messages (`enum ubus_msg_type`).
pub mod message {
    #![allow(missing_docs, reason = "they are ubus's own names")]
    pub const HELLO: u8 = 0;
    pub const STATUS: u8 = 1;
    pub const DATA: u8 = 2;
    pub const LOOKUP: u8 = 4;
    pub const INVOKE: u8 = 5;
    pub const ADD_OBJECT: u8 = 6;
    pub const NOTIFY: u8 = 10;
}

/// Attributes of a message (`enum ubus_msg_attr`).
pub mod attribute {
    #![allow(missing_docs, reason = "they are ubus's own names")]
    pub const STATUS: u8 = 1;
    pub const OBJPATH: u8 = 2;
    pub const OBJID: u8 = 3;
    pub const METHOD: u8 = 4;
    pub const SIGNATURE: u8 = 6;
    pub const DATA: u8 = 7;
    pub const ACTIVE: u8 = 9;
    pub const NO_REPLY: u8 = 10;
}

/// What a call comes to (`enum ubus_msg_status`).
pub mod status {
    #![allow(missing_docs, reason = "they are ubus's own names")]
    pub const OK: u32 = 0;
    pub const INVALID_ARGUMENT: u32 = 2;
    pub const METHOD_NOT_FOUND: u32 = 3;
    pub const NOT_FOUND: u32 = 4;
    pub const PERMISSION_DENIED: u32 = 6;
    pub const UNKNOWN_ERROR: u32 = 9;
}

/// The object that passes events on.
pub const EVENTS: u32 = 1;

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// One of [`mod@message`].
    pub kind: u8,
    /// Answers carry that of the request.
    pub sequence: u16,
    /// An object, or who asks.
    pub peer: u32,
    /// Its attributes.
    pub body: &'a [u8],
}

/// The attributes that leash reads; the others, and unknown ones, are passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields<'a> {
    /// How it went.
    pub status: Option<u32>,
    /// An object's number.
    pub object: Option<u32>,
    /// What is called, or the event.
    pub method: Option<String>,
    /// A table.
    pub data: Option<&'a [u8]>,
    /// Our object has subscribers, or none any longer.
    pub active: Option<bool>,
    /// The caller wants no answer.
    pub no_reply: bool,
}

impl<'a> Message<'a> {
    /// What it carries.
    pub fn fields(&self) -> Fields<'a> {
        let mut fields = Fields::default();
        for it in Attributes(self.body) {
            match it.id {
                attribute::STATUS => fields.status = it.number(),
                attribute::OBJID => fields.object = it.number(),
                attribute::METHOD => fields.method = Some(it.text()),
                attribute::DATA => fields.data = Some(it.payload),
                attribute::ACTIVE => fields.active = it.payload.first().map(|flag| *flag != 0),
                attribute::NO_REPLY => fields.no_reply = it.payload.first().is_some_and(|flag| *flag != 0),
                _ => {}
            }
        }
        fields
    }
}

/// The first message in these bytes and what follows it; none while its end is missing. The error says that this is not
/// ubus, or more than it carries.
pub fn split(bytes: &[u8]) -> Result<Option<(Message<'_>, &[u8])>, &'static str> {
    let Some((head, rest)) = bytes.split_first_chunk::<{ HEAD + 4 }>() else { return Ok(None) };
    let [version, kind, s1, s2, p1, p2, p3, p4, l1, l2, l3, l4] = *head;
    let length = (u32::from_be_bytes([l1, l2, l3, l4]) & 0x00ff_ffff) as usize;
    if version != 0 || !(4..=LARGEST).contains(&length) {
        return Err("what came is no message of ubus");
    }
    let length = length.next_multiple_of(4) - 4;
    let Some((body, rest)) = rest.split_at_checked(length) else { return Ok(None) };
    let (sequence, peer) = (u16::from_be_bytes([s1, s2]), u32::from_be_bytes([p1, p2, p3, p4]));
    Ok(Some((Message { kind, sequence, peer, body }, rest)))
}

/// Writes a message.
pub fn message(out: &mut Vec<u8>, kind: u8, sequence: u16, peer: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[0, kind]);
    out.extend_from_slice(&sequence.to_be_bytes());
    out.extend_from_slice(&peer.to_be_bytes());
    blobmsg::attribute(out, 0, fill);
}

/// Writes a call of an object's method.
pub fn invoke(out: &mut Vec<u8>, sequence: u16, object: u32, method: &str, arguments: &[u8]) {
    message(out, message::INVOKE, sequence, object, |out| {
        blobmsg::number(out, attribute::OBJID, object);
        blobmsg::text(out, attribute::METHOD, method);
        blobmsg::attribute(out, attribute::DATA, |out| out.extend_from_slice(arguments));
    });
}

/// Writes the question for an object's number.
pub fn look_up(out: &mut Vec<u8>, sequence: u16, path: &str) {
    message(out, message::LOOKUP, sequence, 0, |out| blobmsg::text(out, attribute::OBJPATH, path));
}

/// An object as bytes; whole numbers as this says.
pub fn encode(value: &Value, integers: Integers) -> Vec<u8> {
    let mut out = Vec::new();
    if let Value::Object(map) = value {
        blobmsg::table(&mut out, map, integers);
    }
    out
}

/// An answer as bytes. One that ubus cannot carry loses the ends of its longest lists; `omitted` says how many are missing.
pub fn encode_answer(value: &mut Value) -> Vec<u8> {
    let mut omitted = 0;
    loop {
        let bytes = encode(value, Integers::Wide);
        if bytes.len() <= LARGEST - 64 {
            return bytes;
        }
        let Some(longest) = longest(value).filter(|list| !list.is_empty()) else {
            return encode(
                &json!({ "error": "the answer is longer than ubus can carry", "code": "failed" }),
                Integers::Fit,
            );
        };
        let keep = longest.len() / 4 * 3;
        omitted += longest.len() - keep;
        longest.truncate(keep);
        value["omitted"] = omitted.into();
    }
}

/// The longest list that is not within another one.
fn longest(value: &mut Value) -> Option<&mut Vec<Value>> {
    match value {
        Value::Array(list) => Some(list),
        Value::Object(map) => map.values_mut().filter_map(longest).max_by_key(|list| list.len()),
        _ => None,
    }
}

/// A method and its parameters, each with its type of [`kind`].
pub type Signature<'a> = (&'a str, Vec<(&'a str, u8)>);

/// A call of a method of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    sequence: u16,
    peer: u32,
    silent: bool,
    /// The method's name; it need not exist.
    pub method: String,
    /// Its arguments; none where they are damaged or longer than [`ARGUMENTS`].
    pub arguments: Option<Value>,
}

/// What came from ubusd.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// Our object is there.
    Published,
    /// ubusd refused a request of ours: which, and the status.
    Refused(&'static str, u32),
    /// Somebody calls.
    Call(Call),
}

/// A request of ours that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Publish,
    Event,
    Find,
    Tell,
}

impl Asked {
    fn word(self) -> &'static str {
        match self {
            Asked::Publish => "the object",
            Asked::Event => "an event",
            Asked::Find | Asked::Tell => "a word to the init system",
        }
    }
}

/// One connection that offers an object: bytes in, bytes out.
#[derive(Debug, Default)]
pub struct Service {
    path: String,
    signature: Vec<u8>,
    received: Vec<u8>,
    /// What is to be written.
    pub out: Vec<u8>,
    sequence: u16,
    asked: Vec<(u16, Asked)>,
    object: Option<u32>,
    subscribed: bool,
    /// The word that procd is to hear when its number is known.
    word: Option<String>,
    procd: Option<u32>,
}

impl Service {
    /// Will offer the object once ubusd says hello.
    pub fn new(path: &str, methods: &[Signature]) -> Service {
        let mut signature = Vec::new();
        for (name, parameters) in methods {
            blobmsg::field(&mut signature, kind::TABLE, name, |out| {
                for (name, kind) in parameters {
                    blobmsg::value(out, name, &Value::from(*kind), Integers::Fit);
                }
            });
        }
        Service { path: path.into(), signature, ..Service::default() }
    }

    /// Takes what was received. The error says that the connection is of no use any longer.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Vec<Heard>, &'static str> {
        let mut received = std::mem::take(&mut self.received);
        received.extend_from_slice(bytes);
        let mut heard = Vec::new();
        let mut rest = received.as_slice();
        while let Some((message, after)) = split(rest)? {
            rest = after;
            heard.extend(self.hear(&message));
        }
        let done = received.len() - rest.len();
        received.drain(..done);
        if received.is_empty() {
            received.shrink_to(4_096);
        }
        self.received = received;
        Ok(heard)
    }

    fn hear(&mut self, message: &Message) -> Option<Heard> {
        let fields = message.fields();
        match message.kind {
            message::HELLO => {
                let sequence = self.ask(Asked::Publish);
                let Service { out, path, signature, .. } = self;
                self::message(out, message::ADD_OBJECT, sequence, 0, |out| {
                    blobmsg::text(out, attribute::OBJPATH, path);
                    blobmsg::attribute(out, attribute::SIGNATURE, |out| out.extend_from_slice(signature));
                });
            }
            message::DATA => match (self.asked(message.sequence)?, fields.object) {
                (Asked::Publish, object @ Some(_)) => self.object = object,
                (Asked::Find, object @ Some(_)) => self.procd = object,
                _ => {}
            },
            message::STATUS => {
                let asked = self.asked(message.sequence)?;
                self.asked.retain(|(sequence, _)| *sequence != message.sequence);
                let status = fields.status.unwrap_or(status::UNKNOWN_ERROR);
                match asked {
                    // There is no procd: orders stay where they are.
                    Asked::Find if status == status::NOT_FOUND => {}
                    _ if status != status::OK => return Some(Heard::Refused(asked.word(), status)),
                    Asked::Publish => return Some(Heard::Published),
                    Asked::Find => self.tell_procd(),
                    Asked::Event | Asked::Tell => {}
                }
            }
            // An event, which we never asked for.
            message::INVOKE if message.peer == 0 => {}
            message::INVOKE => {
                let arguments = fields.data.unwrap_or_default();
                let read = || blobmsg::read_table(arguments).map(Value::Object);
                return Some(Heard::Call(Call {
                    sequence: message.sequence,
                    peer: message.peer,
                    silent: fields.no_reply,
                    method: fields.method?,
                    arguments: if arguments.len() > ARGUMENTS { None } else { read() },
                }));
            }
            message::NOTIFY => self.subscribed = fields.active.unwrap_or(self.subscribed),
            _ => {}
        }
        None
    }

    fn asked(&self, sequence: u16) -> Option<Asked> {
        self.asked.iter().find(|(asked, _)| *asked == sequence).map(|(_, asked)| *asked)
    }

    fn ask(&mut self, asked: Asked) -> u16 {
        self.sequence = self.sequence.wrapping_add(1);
        self.asked.push((self.sequence, asked));
        self.sequence
    }

    /// Answers a call: one table as [`encode`] wrote it, and how it went. Without a table only how it went.
    pub fn answer(&mut self, call: &Call, status: u32, data: Option<&[u8]>) {
        let Some(object) = self.object.filter(|_| !call.silent) else { return };
        if let Some(data) = data {
            message(&mut self.out, message::DATA, call.sequence, call.peer, |out| {
                blobmsg::number(out, attribute::OBJID, object);
                blobmsg::attribute(out, attribute::DATA, |out| out.extend_from_slice(data));
            });
        }
        message(&mut self.out, message::STATUS, call.sequence, call.peer, |out| {
            blobmsg::number(out, attribute::STATUS, status);
            blobmsg::number(out, attribute::OBJID, object);
        });
    }

    /// Tells everybody who listens to events of this name, and subscribers by the part behind its last dot. False when it
    /// was dropped, since ubusd does not read.
    pub fn tell(&mut self, name: &str, data: &Value) -> bool {
        let Some(object) = self.object else { return false };
        if self.out.len() > CROWDED || self.asked.len() >= WAITING {
            return false;
        }
        let sequence = self.ask(Asked::Event);
        // ubusd does not say whether anybody listens to events.
        let mut arguments = Vec::new();
        blobmsg::value(&mut arguments, "id", &name.into(), Integers::Fit);
        blobmsg::value(&mut arguments, "data", data, Integers::Wide);
        invoke(&mut self.out, sequence, EVENTS, "send", &arguments);
        if self.subscribed {
            self.notify(object, name.rsplit('.').next().unwrap_or(name), &encode(data, Integers::Wide));
        }
        true
    }

    fn notify(&mut self, object: u32, what: &str, data: &[u8]) {
        self.sequence = self.sequence.wrapping_add(1);
        message(&mut self.out, message::NOTIFY, self.sequence, object, |out| {
            blobmsg::number(out, attribute::OBJID, object);
            blobmsg::text(out, attribute::METHOD, what);
            blobmsg::attribute(out, attribute::DATA, |out| out.extend_from_slice(data));
            // Nobody needs to answer, so nobody can keep us waiting.
            blobmsg::attribute(out, attribute::NO_REPLY, |out| out.push(1));
        });
    }

    /// Lets procd hear a word: init scripts name it as a trigger.
    pub fn trigger(&mut self, word: &str) {
        if self.asked.len() < WAITING {
            self.word = Some(word.into());
            let sequence = self.ask(Asked::Find);
            look_up(&mut self.out, sequence, "service");
        }
    }

    fn tell_procd(&mut self) {
        let (Some(word), Some(procd)) = (self.word.take(), self.procd) else { return };
        let arguments = encode(&json!({ "type": word, "data": {} }), Integers::Fit);
        let sequence = self.ask(Asked::Tell);
        invoke(&mut self.out, sequence, procd, "event", &arguments);
    }
}
