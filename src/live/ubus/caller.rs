//! Calls of the object `leash` from outside, where the control socket cannot be reached.

use crate::api::ApiError;
use crate::live::ubus::OBJECT;
use crate::wire::blobmsg::{self, Integers};
use crate::wire::ubus::{self, EVENTS, Fields, message, status};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// `leash doctor` takes half a second; a busy router some more.
const PATIENCE: Duration = Duration::from_secs(30);

struct Line {
    stream: UnixStream,
    received: Vec<u8>,
    sequence: u16,
}

impl Line {
    fn open(path: &Path) -> Result<Line, ApiError> {
        let says = "leash cannot be reached: it has no control socket here, and there is no ubus";
        let mend = "start it with: service leash start";
        let absent = |error| ApiError::Failed(format!("{says} ({}: {error}); {mend}", path.display()));
        let stream = UnixStream::connect(path).map_err(absent)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(absent)?;
        Ok(Line { stream, received: Vec::new(), sequence: 0 })
    }

    /// Sends a request and gives what its answers carried: an object's number, and a table.
    fn ask(&mut self, write: impl FnOnce(&mut Vec<u8>, u16)) -> Result<(Option<u32>, Option<Value>, u32), ApiError> {
        self.sequence += 1;
        let mut out = Vec::new();
        write(&mut out, self.sequence);
        self.stream.write_all(&out).map_err(|error| broken(&error))?;
        let (mut object, mut data) = (None, None);
        loop {
            let wanted = self.sequence;
            let status = self.hear(|kind, sequence, fields| {
                if sequence == wanted && kind == message::DATA {
                    object = fields.object.or(object);
                    data = fields.data.and_then(blobmsg::read_table).map(Value::Object).or(data.take());
                }
                let ends = sequence == wanted && kind == message::STATUS;
                ends.then(|| fields.status.unwrap_or(status::UNKNOWN_ERROR))
            })?;
            if let Some(status) = status {
                return Ok((object, data, status));
            }
        }
    }

    /// Waits for a message and shows it.
    fn hear<T>(&mut self, show: impl FnOnce(u8, u16, &Fields) -> T) -> Result<T, ApiError> {
        loop {
            if let Some((message, rest)) = ubus::split(&self.received).map_err(|says| broken(&says))? {
                let shown = show(message.kind, message.sequence, &message.fields());
                let done = self.received.len() - rest.len();
                self.received.drain(..done);
                return Ok(shown);
            }
            let mut buffer = [0; 16 << 10];
            match self.stream.read(&mut buffer).map_err(|error| broken(&error))? {
                0 => return Err(broken(&"ubusd closed the connection")),
                n => self.received.extend_from_slice(buffer.get(..n).unwrap_or_default()),
            }
        }
    }
}

fn broken(error: &dyn std::fmt::Display) -> ApiError {
    ApiError::Failed(format!("ubus gave no answer: {error}"))
}

/// Calls a method of a running leash over ubus.
pub fn ask(path: &Path, method: &str, params: &Value) -> Result<Value, ApiError> {
    let mut line = Line::open(path)?;
    let (object, _, _) = line.ask(|out, sequence| ubus::look_up(out, sequence, OBJECT))?;
    let absent = "leash is not on ubus, or you may not call it; start it with: service leash start";
    let object = object.ok_or(ApiError::Failed(absent.into()))?;
    let arguments = ubus::encode(params, Integers::Fit);
    let (_, data, status) = line.ask(|out, sequence| ubus::invoke(out, sequence, object, method, &arguments))?;
    let data = data.unwrap_or_default();
    let says = data.get("error").and_then(Value::as_str).map(String::from);
    let says = says.unwrap_or_else(|| format!("ubus refused '{method}' (status {status})"));
    match status {
        status::OK => Ok(data),
        status::INVALID_ARGUMENT => Err(ApiError::Argument(says)),
        status::NOT_FOUND | status::METHOD_NOT_FOUND => Err(ApiError::NotFound(says)),
        status::PERMISSION_DENIED => Err(ApiError::Denied(says)),
        _ => Err(ApiError::Failed(says)),
    }
}

/// What happens, from now on, as leash's events tell it.
pub fn listen(path: &Path) -> Result<impl Iterator<Item = Result<Value, ApiError>> + use<>, ApiError> {
    let mut line = Line::open(path)?;
    let refused = || ApiError::Denied("ubus refused to tell of leash's events: you may not listen".into());
    let (object, _, _) = line.ask(|out, sequence| ubus::message(out, message::ADD_OBJECT, sequence, 0, |_| {}))?;
    let wanted = json!({ "object": object.ok_or_else(refused)? as i32, "pattern": "leash.*" });
    let wanted = ubus::encode(&wanted, Integers::Fit);
    let (_, _, status) = line.ask(|out, sequence| ubus::invoke(out, sequence, EVENTS, "register", &wanted))?;
    if status != status::OK {
        return Err(refused());
    }
    line.stream.set_read_timeout(None).map_err(|error| broken(&error))?;
    Ok(std::iter::repeat_with(move || {
        let read = |kind, _, fields: &Fields| {
            let event = fields.data.filter(|_| kind == message::INVOKE)?;
            blobmsg::read_table(event).map(Value::Object)
        };
        line.hear(read).transpose()
    })
    .flatten())
}
