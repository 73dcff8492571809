//! The wire of ubus against recordings of a real ubusd (tests/fixtures/ubus; each line: when, who, which way, the frame).
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may")]

use leash::wire::blobmsg::{self, Attributes, Integers, kind};
use leash::wire::ubus::{self, Incoming, Service, UbusMessage, attribute, encode, message, status};
use serde_json::{Value, json};

struct Frame {
    who: String,
    to_ubusd: bool,
    bytes: Vec<u8>,
}

fn recording(name: &str) -> Vec<Frame> {
    let text = std::fs::read_to_string(format!("tests/fixtures/ubus/{name}.hex")).unwrap();
    let frame = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (who, way, hex) = (words.next()?, words.next()?, words.next()?);
        let digits = hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16));
        let bytes = digits.collect::<Result<_, _>>().ok()?;
        (way != "CLOSE").then(|| Frame { who: who.into(), to_ubusd: way == "C->S", bytes })
    };
    text.lines().filter_map(frame).collect()
}

fn all() -> Vec<(String, Vec<Frame>)> {
    let mut names: Vec<String> = std::fs::read_dir("tests/fixtures/ubus")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".hex").map(String::from))
        .collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), recording(&name))).collect()
}

fn whole(bytes: &[u8]) -> UbusMessage<'_> {
    let (message, rest) = ubus::split(bytes).unwrap().unwrap();
    assert!(rest.is_empty());
    message
}

/// Writes a row of blobmsgs again, each by the type that it has.
fn again(out: &mut Vec<u8>, bytes: &[u8]) {
    for it in Attributes(bytes) {
        assert!(it.extended);
        let length = usize::from(u16::from_be_bytes([it.payload[0], it.payload[1]]));
        let name = std::str::from_utf8(&it.payload[2..2 + length]).unwrap();
        let payload = &it.payload[(2 + length + 1).next_multiple_of(4)..];
        blobmsg::field(out, it.id, name, |out| match it.id {
            kind::TABLE | kind::ARRAY => again(out, payload),
            _ => out.extend_from_slice(payload),
        });
    }
}

/// Every frame of every recording is read, and written again to the byte.
#[test]
fn recorded_frames_are_read_and_written_alike() {
    let mut frames = 0;
    for (name, recording) in all() {
        for frame in recording {
            let it = whole(&frame.bytes);
            let mut out = Vec::new();
            ubus::message(&mut out, it.kind, it.sequence, it.peer, |out| {
                for field in Attributes(it.body) {
                    assert!(!field.extended, "{name}");
                    blobmsg::attribute(out, field.id, |out| match field.id {
                        attribute::DATA | attribute::SIGNATURE => again(out, field.payload),
                        _ => out.extend_from_slice(field.payload),
                    });
                }
            });
            assert_eq!(out, frame.bytes, "{name}");
            if let Some(data) = it.fields().data {
                let table = blobmsg::read_table(data).map(Value::Object);
                assert!(table.is_some(), "{name}");
                // What has nothing but whole numbers that fit and sorted names is the same by way of JSON.
                let written = encode(&table.unwrap(), Integers::Fit);
                assert_eq!(written.len(), data.len(), "{name}");
            }
            frames += 1;
        }
    }
    assert!(frames > 140, "{frames} frames");
}

/// The object of the recordings.
fn service() -> Service {
    let set = [("name", 3), ("count", 5), ("big", 4), ("on", 7), ("tags", 1), ("opts", 2), ("any", 0)];
    Service::new(
        "leash-test",
        &[
            ("status", vec![]),
            ("set", set.to_vec()),
            ("slow", vec![]),
            ("fail", vec![("code", 5)]),
            ("twodata", vec![]),
            ("nodata", vec![]),
        ],
    )
}

fn sorted(bytes: &[u8]) -> (u8, u16, u32, Option<u32>, Option<u32>, Option<Value>) {
    let it = whole(bytes);
    let fields = it.fields();
    let data = fields.data.map(|data| Value::Object(blobmsg::read_table(data).unwrap()));
    (it.kind, it.sequence, it.peer, fields.status, fields.object, data)
}

/// What ubusd sent to the recorded provider makes ours send what that one sent.
#[test]
fn a_provider_says_what_the_recorded_one_said() {
    let mut service = service();
    let mut calls = 0;
    for (name, recording) in all() {
        // Of other providers, or of what ours never says: it is not slow, and sends one table only.
        if name.starts_with("08") || name.starts_with("10") {
            continue;
        }
        if name.as_str() >= "12" && !name.starts_with("12") {
            continue;
        }
        for frame in recording.iter().filter(|frame| frame.who == "provider") {
            if frame.to_ubusd {
                let next = ubus::split(&service.out).unwrap().unwrap().1.len();
                let said: Vec<u8> = service.out.drain(..service.out.len() - next).collect();
                // Members of a table have no order in JSON.
                assert_eq!(sorted(&said), sorted(&frame.bytes), "{name}");
                if !matches!(name.as_str(), "04-call-status" | "05-call-nested" | "12-wrong-type") {
                    assert_eq!(said, frame.bytes, "{name}");
                }
                continue;
            }
            for heard in service.receive(&frame.bytes).unwrap() {
                let Incoming::Call(call) = heard else {
                    assert_eq!(heard, Incoming::Published, "{name}");
                    continue;
                };
                calls += 1;
                let arguments = call.arguments.clone().unwrap();
                let answer = |value: Value| Some(encode(&value, Integers::Fit));
                let (status, data) = match call.method.as_str() {
                    "status" => (
                        status::OK,
                        answer(json!({
                            "running": true, "devices": 3, "uptime": 8_589_934_592_u64, "load": 0.5, "list": ["a", "b"],
                            "nest": { "x": -1, "deep": { "y": [1, { "z": "q" }] } }
                        })),
                    ),
                    "set" => (status::OK, recorded_echo(&name).or_else(|| answer(json!({ "got": arguments })))),
                    "fail" => (arguments["code"].as_u64().unwrap() as u32, None),
                    "nodata" => (status::OK, None),
                    _ => (status::METHOD_NOT_FOUND, None),
                };
                service.answer(&call, status, data.as_deref());
            }
        }
    }
    assert!(service.out.is_empty() && calls == 6, "{calls} calls");
}

/// The recorded provider showed a null as an empty text.
fn recorded_echo(name: &str) -> Option<Vec<u8>> {
    let frames = recording(name);
    let answer = frames.iter().find(|frame| frame.who == "provider" && frame.to_ubusd)?;
    whole(&answer.bytes).fields().data.map(<[u8]>::to_vec)
}

/// Calls as the `ubus` command makes them.
#[test]
fn a_caller_asks_as_the_command_does() {
    let frames = recording("04-call-status");
    let asked: Vec<&Frame> = frames.iter().filter(|frame| frame.who == "cli" && frame.to_ubusd).collect();
    let mut out = Vec::new();
    ubus::look_up(&mut out, 1, "leash-test");
    assert_eq!(out, asked[0].bytes);
    out.clear();
    ubus::invoke(&mut out, 2, 0x836f_c7db, "status", &[]);
    assert_eq!(out, asked[1].bytes);
}

/// Published once, from the recordings of the provider's first two moments.
fn published() -> Service {
    let mut service = service();
    for name in ["01-hello", "02-add-object"] {
        for frame in recording(name).iter().filter(|frame| !frame.to_ubusd) {
            service.receive(&frame.bytes).unwrap();
        }
    }
    service.out.clear();
    service
}

#[test]
fn subscribers_are_told_only_while_there_are_some() {
    let mut service = published();
    let data = json!({ "mac": "02:00:00:00:00:01" });
    assert!(service.send_event("leash.device", &data));
    let alone = service.out.len();
    assert!(ubus::split(&service.out).unwrap().unwrap().1.is_empty(), "the event alone");
    service.out.clear();
    for frame in recording("16-subscribe").iter().filter(|frame| frame.who == "provider") {
        service.receive(&frame.bytes).unwrap();
    }
    service.send_event("leash.device", &data);
    let (event, rest) = ubus::split(&service.out).unwrap().unwrap();
    assert_eq!(
        (event.kind, event.peer, event.fields().method.as_deref()),
        (message::INVOKE, ubus::EVENTS, Some("send"))
    );
    let notification = whole(rest);
    assert_eq!((notification.kind, notification.fields().no_reply), (message::NOTIFY, true));
    // The same attributes in the same order as the recorded one.
    let ids = |it: &UbusMessage| Attributes(it.body).map(|field| field.id).collect::<Vec<u8>>();
    let recorded = recording("17-notify-noreply");
    assert_eq!(ids(&notification), ids(&whole(&recorded[0].bytes)));
    service.out.clear();
    for frame in recording("19-unsubscribe").iter().filter(|frame| frame.who == "provider") {
        service.receive(&frame.bytes).unwrap();
    }
    service.send_event("leash.device", &data);
    assert_eq!(service.out.len(), alone);
}

#[test]
fn a_refused_object_is_said() {
    let mut service = service();
    service.receive(&recording("01-hello")[0].bytes).unwrap();
    let refusal = &recording("20-duplicate-path")[2].bytes;
    assert_eq!(service.receive(refusal), Ok(vec![Incoming::Refused("the object", 2)]));
}

#[test]
fn pieces_come_together_and_nonsense_ends_the_connection() {
    let mut service = published();
    let frames = recording("06-bad-method");
    let call = frames.iter().find(|frame| frame.who == "provider" && !frame.to_ubusd).unwrap();
    let (begin, end) = call.bytes.split_at(30);
    assert_eq!(service.receive(begin), Ok(vec![]));
    assert!(matches!(&service.receive(end).unwrap()[..], [Incoming::Call(call)] if call.method.starts_with("nosuch")));
    for bytes in [
        &[1, 5, 0, 1, 0, 0, 0, 1, 0, 0, 0, 4][..],
        &[0, 5, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3],
        &[0, 5, 0, 1, 0, 0, 0, 1, 0, 0x10, 0, 1],
    ] {
        assert!(published().receive(bytes).is_err());
    }
    // The largest that there is; its arguments are too much for any method.
    let mut large = Vec::new();
    let text = "x".repeat(ubus::MESSAGE_BYTES_MAX - 80);
    ubus::invoke(&mut large, 9, 0x836f_c7db, "set", &encode(&json!({ "name": text }), Integers::Fit));
    let heard = service.receive(&large).unwrap();
    assert!(matches!(&heard[..], [Incoming::Call(call)] if call.arguments.is_none()));
}

#[test]
fn an_answer_that_is_too_long_loses_the_ends_of_its_lists() {
    let contact = json!({ "address": "203.0.113.9", "says": "x".repeat(1_500), "port": 443 });
    let mut answer = json!({ "device": { "name": "bulb", "contacts": vec![contact; 1_000] }, "seen": 1 });
    let bytes = ubus::encode_answer(&mut answer);
    assert!(bytes.len() < ubus::MESSAGE_BYTES_MAX && bytes.len() > ubus::MESSAGE_BYTES_MAX / 2);
    let kept = answer["device"]["contacts"].as_array().unwrap().len();
    assert_eq!(answer["omitted"], 1_000 - kept);
    let mut hopeless = json!({ "text": "x".repeat(2 << 20) });
    assert!(ubus::encode_answer(&mut hopeless).len() < 200);
}

#[test]
fn counters_are_wide() {
    let answer = ubus::encode_answer(&mut json!({ "stopped_bytes": 5 }));
    assert_eq!(Attributes(&answer).next().unwrap().id, kind::INT64);
}

/// A busy ubusd does not make memory grow: events are dropped.
#[test]
fn events_that_nobody_reads_are_dropped() {
    let mut service = published();
    let told = (0..10_000).filter(|_| service.send_event("leash.finding", &json!({ "says": "x".repeat(200) }))).count();
    assert!(told <= 64, "{told}");
}

/// procd hears the word that its trigger waits for; where there is none, nothing is said.
#[test]
fn the_init_system_is_told() {
    let mut service = published();
    service.trigger("leash.keep");
    let asked = whole(&service.out);
    let sequence = asked.sequence;
    assert_eq!((asked.kind, Attributes(asked.body).next().unwrap().text()), (message::LOOKUP, "service".into()));
    service.out.clear();
    let mut answer = Vec::new();
    ubus::message(&mut answer, message::DATA, sequence, 0, |out| blobmsg::number(out, attribute::OBJID, 0xc0ff_ee00));
    ubus::message(&mut answer, message::STATUS, sequence, 0, |out| blobmsg::number(out, attribute::STATUS, 0));
    assert_eq!(service.receive(&answer), Ok(vec![]));
    let told = whole(&service.out);
    let data = blobmsg::read_table(told.fields().data.unwrap()).map(Value::Object);
    assert_eq!((told.peer, told.fields().method.as_deref()), (0xc0ff_ee00, Some("event")));
    assert_eq!(data, Some(json!({ "type": "leash.keep", "data": {} })));
    service.trigger("leash.keep");
    let mut answer = Vec::new();
    let sequence = told_sequence(&service);
    ubus::message(&mut answer, message::STATUS, sequence, 0, |out| blobmsg::number(out, attribute::STATUS, 4));
    assert_eq!(service.receive(&answer), Ok(vec![]));
}

fn told_sequence(service: &Service) -> u16 {
    let mut rest = service.out.as_slice();
    let mut last = 0;
    while let Some((message, after)) = ubus::split(rest).unwrap() {
        (last, rest) = (message.sequence, after);
    }
    last
}

/// Sends what ubusd would, and returns what the service makes of it.
fn says(service: &mut Service, kind: u8, sequence: u16, fill: impl FnOnce(&mut Vec<u8>)) -> Vec<Incoming> {
    let mut bytes = Vec::new();
    ubus::message(&mut bytes, kind, sequence, 7, fill);
    service.receive(&bytes).unwrap()
}

/// The kind and the sequence number of the only message that waits to be written.
fn asked(service: &mut Service) -> (u8, u16) {
    let out = std::mem::take(&mut service.out);
    let it = whole(&out);
    (it.kind, it.sequence)
}

#[test]
fn ufp_is_asked_where_it_is_there_and_believed_within_bounds() {
    let mut service = published();
    let status = |code| move |out: &mut Vec<u8>| blobmsg::number(out, attribute::STATUS, code);
    // It is not installed, or keeps leash out.
    for code in [status::NOT_FOUND, status::PERMISSION_DENIED] {
        service.ask_fingerprints();
        let (kind, sequence) = asked(&mut service);
        assert_eq!(kind, message::LOOKUP);
        assert_eq!(says(&mut service, message::STATUS, sequence, status(code)), []);
        assert!(service.out.is_empty());
    }
    // It is there.
    service.ask_fingerprints();
    let (_, sequence) = asked(&mut service);
    assert_eq!(says(&mut service, message::DATA, sequence, |out| blobmsg::number(out, attribute::OBJID, 9)), []);
    assert_eq!(says(&mut service, message::STATUS, sequence, status(status::OK)), []);
    let (kind, sequence) = asked(&mut service);
    assert_eq!(kind, message::INVOKE);
    let known = json!({ "02:00:00:00:00:20": { "class": "tv", "device": "Roku", "vendor": "Roku" } });
    let answer = |known: &Value| {
        let data = encode(known, Integers::Fit);
        move |out: &mut Vec<u8>| {
            blobmsg::number(out, attribute::OBJID, 9);
            blobmsg::attribute(out, attribute::DATA, |out| out.extend_from_slice(&data));
        }
    };
    let heard = says(&mut service, message::DATA, sequence, answer(&known));
    assert_eq!(heard, [Incoming::Fingerprints(known.clone())]);
    assert_eq!(says(&mut service, message::STATUS, sequence, status(status::OK)), []);
    // What comes twice, was not asked for, or is too long is nothing.
    assert_eq!(says(&mut service, message::DATA, sequence, answer(&known)), []);
    service.ask_fingerprints();
    let (_, lost) = asked(&mut service);
    service.ask_fingerprints();
    assert_eq!(says(&mut service, message::STATUS, lost, status(status::OK)), [], "an earlier question was given up");
    let (_, sequence) = asked(&mut service);
    says(&mut service, message::DATA, sequence, |out| blobmsg::number(out, attribute::OBJID, 9));
    says(&mut service, message::STATUS, sequence, status(status::OK));
    let (_, sequence) = asked(&mut service);
    let long = json!({ "02:00:00:00:00:20": { "device": "x".repeat(70_000) } });
    assert_eq!(says(&mut service, message::DATA, sequence, answer(&long)), []);
    assert_eq!(says(&mut service, message::STATUS, sequence, status(4)), [], "it knows no device");
}
