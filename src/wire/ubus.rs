//! ubus, OpenWrt's bus (ubusmsg.h, ubusd, libubus): its messages, and the protocol of a program that offers an object.
//!
//! A message is a head (version 0, kind, u16 sequence, u32 peer) and one blob with attributes. ubusd speaks first
//! (HELLO). It answers each request of ours by any number of DATA and one STATUS with our sequence number; calls of our
//! object may come in between.

use crate::wire::blobmsg::{self, Attributes, Integers, kind};
use serde_json::{Value, json};

/// The largest blob that ubusd takes, in bytes (UBUS_MAX_MSGLEN). It closes the connection on a larger one.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// The largest arguments that a caller may send, in bytes: all of our methods take a few words.
pub const ARGUMENT_BYTES_MAX: usize = 64 << 10;
/// How many bytes may wait to be written before events are dropped.
const OUTPUT_BYTES_MAX: usize = 64 << 10;
/// How many requests of ours may wait for their answer.
const REQUESTS_MAX: usize = 64;
/// The length of a message's head, in bytes.
const HEAD: usize = 8;

/// The kinds of messages (`enum ubus_msg_type`).
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

/// The attributes of a message (`enum ubus_msg_attr`).
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

/// The results of a request (`enum ubus_msg_status`).
pub mod status {
    #![allow(missing_docs, reason = "they are ubus's own names")]
    pub const OK: u32 = 0;
    pub const INVALID_ARGUMENT: u32 = 2;
    pub const METHOD_NOT_FOUND: u32 = 3;
    pub const NOT_FOUND: u32 = 4;
    pub const PERMISSION_DENIED: u32 = 6;
    pub const UNKNOWN_ERROR: u32 = 9;
}

/// The number of the object that passes events on.
pub const EVENTS: u32 = 1;

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UbusMessage<'a> {
    /// The kind of the message, one of [`mod@message`].
    pub kind: u8,
    /// The sequence number; an answer has that of its request.
    pub sequence: u16,
    /// The number of an object, or of the client that asks.
    pub peer: u32,
    /// The attributes.
    pub body: &'a [u8],
}

/// The attributes of a message that leash reads. Others, and unknown ones, are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields<'a> {
    /// The result of a request, one of [`status`].
    pub status: Option<u32>,
    /// The number of an object.
    pub object: Option<u32>,
    /// The name of the method that is called, or of the event.
    pub method: Option<String>,
    /// The arguments or the result: a table of blobmsg.
    pub data: Option<&'a [u8]>,
    /// Whether our object has subscribers now.
    pub active: Option<bool>,
    /// Whether the caller wants no answer.
    pub no_reply: bool,
}

impl<'a> UbusMessage<'a> {
    /// Reads the attributes.
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

/// Splits the first message off. Returns it and the bytes that follow, or `None` while its end is missing.
///
/// # Errors
/// The bytes are not ubus, or their message is longer than ubus allows.
pub fn split(bytes: &[u8]) -> Result<Option<(UbusMessage<'_>, &[u8])>, &'static str> {
    let Some((head, rest)) = bytes.split_first_chunk::<{ HEAD + 4 }>() else { return Ok(None) };
    let [version, kind, s1, s2, p1, p2, p3, p4, l1, l2, l3, l4] = *head;
    let length = (u32::from_be_bytes([l1, l2, l3, l4]) & 0x00ff_ffff) as usize;
    if version != 0 || !(4..=MESSAGE_BYTES_MAX).contains(&length) {
        return Err("what came is no message of ubus");
    }
    let length = length.next_multiple_of(4) - 4;
    let Some((body, rest)) = rest.split_at_checked(length) else { return Ok(None) };
    let (sequence, peer) = (u16::from_be_bytes([s1, s2]), u32::from_be_bytes([p1, p2, p3, p4]));
    Ok(Some((UbusMessage { kind, sequence, peer, body }, rest)))
}

/// Writes a message.
pub fn message(out: &mut Vec<u8>, kind: u8, sequence: u16, peer: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[0, kind]);
    out.extend_from_slice(&sequence.to_be_bytes());
    out.extend_from_slice(&peer.to_be_bytes());
    blobmsg::attribute(out, 0, fill);
}

/// Writes a call of a method of an object.
pub fn invoke(out: &mut Vec<u8>, sequence: u16, object: u32, method: &str, arguments: &[u8]) {
    message(out, message::INVOKE, sequence, object, |out| {
        blobmsg::number(out, attribute::OBJID, object);
        blobmsg::text(out, attribute::METHOD, method);
        blobmsg::attribute(out, attribute::DATA, |out| out.extend_from_slice(arguments));
    });
}

/// Writes a request for the number of an object.
pub fn look_up(out: &mut Vec<u8>, sequence: u16, path: &str) {
    message(out, message::LOOKUP, sequence, 0, |out| blobmsg::text(out, attribute::OBJPATH, path));
}

/// Returns a JSON object as the bytes of a table, with whole numbers as wide as `integers` says. Any other value
/// becomes an empty table.
pub fn encode(value: &Value, integers: Integers) -> Vec<u8> {
    let mut out = Vec::new();
    if let Value::Object(map) = value {
        blobmsg::table(&mut out, map, integers);
    }
    out
}

/// Returns an answer as bytes. One that is too long for ubus loses the ends of its longest lists, and gets a member
/// `omitted` with the number of items that are missing.
pub fn encode_answer(value: &mut Value) -> Vec<u8> {
    let mut omitted = 0;
    loop {
        let bytes = encode(value, Integers::Wide);
        if bytes.len() <= MESSAGE_BYTES_MAX - 64 {
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

/// Returns the longest list that is not within another one.
fn longest(value: &mut Value) -> Option<&mut Vec<Value>> {
    match value {
        Value::Array(list) => Some(list),
        Value::Object(map) => map.values_mut().filter_map(longest).max_by_key(|list| list.len()),
        _ => None,
    }
}

/// A method and its parameters, each with its type, one of [`kind`].
pub type Signature<'a> = (&'a str, Vec<(&'a str, u8)>);

/// A call of a method of our object.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    sequence: u16,
    peer: u32,
    no_reply: bool,
    /// The name of the method, which need not exist.
    pub method: String,
    /// The arguments. They are absent where they are damaged or longer than [`ARGUMENT_BYTES_MAX`].
    pub arguments: Option<Value>,
}

/// Something that came from ubusd.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// Our object is on the bus.
    Published,
    /// ubusd refused a request: what was requested, and the status.
    Refused(&'static str, u32),
    /// A method of our object is called.
    Call(Call),
    /// What ufp takes devices for: see [`Service::ask_fingerprints`].
    Fingerprints(Value),
}

/// A request of ours whose answer has not come yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    Publish,
    Event,
    FindProcd,
    Trigger,
    FindUfp,
    Fingerprints,
}

impl Pending {
    fn text(self) -> &'static str {
        match self {
            Pending::Publish => "the object",
            Pending::Event => "an event",
            Pending::FindProcd | Pending::Trigger => "a trigger for the init system",
            Pending::FindUfp | Pending::Fingerprints => "what ufp knows",
        }
    }
}

/// A connection to ubusd that offers an object: it takes the bytes that came and makes those to be written.
#[derive(Debug, Default)]
pub struct Service {
    path: String,
    signature: Vec<u8>,
    received: Vec<u8>,
    /// The bytes that are to be written.
    pub out: Vec<u8>,
    sequence: u16,
    requests: Vec<(u16, Pending)>,
    object: Option<u32>,
    subscribed: bool,
    /// The trigger that procd gets as soon as its object's number is known.
    trigger: Option<String>,
    procd: Option<u32>,
    ufp: Option<u32>,
}

impl Service {
    /// Makes a connection that offers an object as soon as ubusd says hello.
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

    /// Takes the bytes that were received. Returns what they say.
    ///
    /// # Errors
    /// The connection is of no use any longer, since what came is not ubus.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Vec<Incoming>, &'static str> {
        let mut received = std::mem::take(&mut self.received);
        received.extend_from_slice(bytes);
        let mut incoming = Vec::new();
        let mut rest = received.as_slice();
        while let Some((message, after)) = split(rest)? {
            rest = after;
            incoming.extend(self.handle(&message));
        }
        let done = received.len() - rest.len();
        received.drain(..done);
        if received.is_empty() {
            received.shrink_to(4_096);
        }
        self.received = received;
        Ok(incoming)
    }

    fn handle(&mut self, message: &UbusMessage) -> Option<Incoming> {
        let fields = message.fields();
        match message.kind {
            message::HELLO => {
                let sequence = self.ask(Pending::Publish);
                let Service { out, path, signature, .. } = self;
                self::message(out, message::ADD_OBJECT, sequence, 0, |out| {
                    blobmsg::text(out, attribute::OBJPATH, path);
                    blobmsg::attribute(out, attribute::SIGNATURE, |out| out.extend_from_slice(signature));
                });
            }
            message::DATA => match (self.request(message.sequence)?, fields.object) {
                (Pending::Publish, object @ Some(_)) => self.object = object,
                (Pending::FindProcd, object @ Some(_)) => self.procd = object,
                (Pending::FindUfp, object @ Some(_)) => self.ufp = object,
                (Pending::Fingerprints, _) => {
                    let data = fields.data.filter(|data| data.len() <= ARGUMENT_BYTES_MAX)?;
                    return blobmsg::read_table(data).map(|table| Incoming::Fingerprints(Value::Object(table)));
                }
                _ => {}
            },
            message::STATUS => {
                let pending = self.request(message.sequence)?;
                self.requests.retain(|(sequence, _)| *sequence != message.sequence);
                let status = fields.status.unwrap_or(status::UNKNOWN_ERROR);
                match pending {
                    // There is no procd that could write orders to UCI: they stay in the state.
                    Pending::FindProcd if status == status::NOT_FOUND => {}
                    // ufp is not installed, knows nothing yet, or is none of leash's business.
                    Pending::FindUfp if status == status::OK => self.call_ufp(),
                    Pending::FindUfp | Pending::Fingerprints => {}
                    _ if status != status::OK => return Some(Incoming::Refused(pending.text(), status)),
                    Pending::Publish => return Some(Incoming::Published),
                    Pending::FindProcd => self.trigger_procd(),
                    Pending::Event | Pending::Trigger => {}
                }
            }
            // An event, for which we never asked.
            message::INVOKE if message.peer == 0 => {}
            message::INVOKE => {
                let arguments = fields.data.unwrap_or_default();
                let read = || blobmsg::read_table(arguments).map(Value::Object);
                return Some(Incoming::Call(Call {
                    sequence: message.sequence,
                    peer: message.peer,
                    no_reply: fields.no_reply,
                    method: fields.method?,
                    arguments: if arguments.len() > ARGUMENT_BYTES_MAX { None } else { read() },
                }));
            }
            message::NOTIFY => self.subscribed = fields.active.unwrap_or(self.subscribed),
            _ => {}
        }
        None
    }

    fn request(&self, sequence: u16) -> Option<Pending> {
        self.requests.iter().find(|(of, _)| *of == sequence).map(|(_, request)| *request)
    }

    fn ask(&mut self, request: Pending) -> u16 {
        self.sequence = self.sequence.wrapping_add(1);
        self.requests.push((self.sequence, request));
        self.sequence
    }

    /// Answers a call with a table as [`encode`] writes it, if there is one, and a status.
    pub fn answer(&mut self, call: &Call, status: u32, data: Option<&[u8]>) {
        let Some(object) = self.object.filter(|_| !call.no_reply) else { return };
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

    /// Sends an event to everybody who listens to its name, and to subscribers of the object under the part behind the
    /// last dot. Returns false when the event was dropped, since ubusd does not read.
    pub fn send_event(&mut self, name: &str, data: &Value) -> bool {
        let Some(object) = self.object else { return false };
        if self.out.len() > OUTPUT_BYTES_MAX || self.requests.len() >= REQUESTS_MAX {
            return false;
        }
        let sequence = self.ask(Pending::Event);
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
            // No answer is wanted, so no subscriber can keep us waiting.
            blobmsg::attribute(out, attribute::NO_REPLY, |out| out.push(1));
        });
    }

    /// Asks ufp (openwrt/packages, utils/ufp) what it takes all devices for, where it is installed. An earlier question
    /// that was not answered is given up.
    pub fn ask_fingerprints(&mut self) {
        self.requests.retain(|(_, request)| !matches!(request, Pending::FindUfp | Pending::Fingerprints));
        if self.requests.len() < REQUESTS_MAX {
            let sequence = self.ask(Pending::FindUfp);
            look_up(&mut self.out, sequence, "fingerprint");
        }
    }

    fn call_ufp(&mut self) {
        let Some(ufp) = self.ufp.take() else { return };
        let sequence = self.ask(Pending::Fingerprints);
        invoke(&mut self.out, sequence, ufp, "fingerprint", &[]);
    }

    /// Sends procd a trigger: it runs the init scripts that wait for one of this name.
    pub fn trigger(&mut self, name: &str) {
        if self.requests.len() < REQUESTS_MAX {
            self.trigger = Some(name.into());
            let sequence = self.ask(Pending::FindProcd);
            look_up(&mut self.out, sequence, "service");
        }
    }

    fn trigger_procd(&mut self) {
        let (Some(name), Some(procd)) = (self.trigger.take(), self.procd) else { return };
        let arguments = encode(&json!({ "type": name, "data": {} }), Integers::Fit);
        let sequence = self.ask(Pending::Trigger);
        invoke(&mut self.out, sequence, procd, "event", &arguments);
    }
}
