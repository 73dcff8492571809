//! What ubusd sends: to the object that we offer, and as tables. Whatever we write, we can read.
#![no_main]
use leash::wire::blobmsg::{self, Integers};
use leash::wire::ubus::{self, Incoming, Service};
use serde_json::Value;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut service = Service::new("leash", &[("status", vec![]), ("device", vec![("device", 3)])]);
    // In two pieces, as a socket may deliver it.
    let (start, end) = data.split_at(data.len() / 2);
    for piece in [start, end] {
        let Ok(all) = service.receive(piece) else { break };
        for incoming in all {
            if let Incoming::Call(call) = incoming {
                let mut answer = call.arguments.clone().filter(Value::is_object).unwrap_or_default();
                service.answer(&call, 0, Some(&ubus::encode_answer(&mut answer)));
            }
        }
        service.send_event("leash.device", &serde_json::json!({ "name": String::from_utf8_lossy(piece) }));
        service.trigger("leash.keep");
    }
    // Whatever we write, we can read.
    let mut rest = service.out.as_slice();
    while let Some((message, after)) = ubus::split(rest).unwrap() {
        message.fields();
        rest = after;
    }
    assert!(rest.is_empty());
    if let Some(table) = blobmsg::read_table(data) {
        for integers in [Integers::Fit, Integers::Wide] {
            let mut written = Vec::new();
            blobmsg::table(&mut written, &table, integers);
            let again = blobmsg::read_table(&written).unwrap();
            // JSON has no infinity and no NaN: they come back as null.
            assert!(again == table || table.values().any(|value| value.is_f64()), "{table:?} {again:?}");
        }
    }
});
