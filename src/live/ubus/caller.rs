//! Calls of the object `leash` over the bus, where the control socket cannot be reached.

use crate::api::ApiError;
use crate::wire::blobmsg::{self, Integers};
use crate::wire::ubus::{self, EVENTS, Fields, message, status};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The name of the object.
pub const OBJECT: &str = "leash";
/// How long an answer may take. `leash doctor` takes half a second, and some more on a busy router.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to ubusd.
struct Connection {
    stream: UnixStream,
    received: Vec<u8>,
    sequence: u16,
}

/// What the answers to a request carried.
struct Reply {
    object: Option<u32>,
    data: Option<Value>,
    status: u32,
}

impl Connection {
    fn open(path: &Path) -> Result<Connection, ApiError> {
        let absent = |error| {
            ApiError::Failed(format!(
                "leash cannot be reached: it has no control socket here, and there is no ubus ({}: {error}); \
                 start it with: service leash start",
                path.display()
            ))
        };
        let stream = UnixStream::connect(path).map_err(absent)?;
        stream.set_read_timeout(Some(TIMEOUT)).map_err(absent)?;
        Ok(Connection { stream, received: Vec::new(), sequence: 0 })
    }

    /// Sends a request and returns what its answers carried.
    fn request(&mut self, write: impl FnOnce(&mut Vec<u8>, u16)) -> Result<Reply, ApiError> {
        self.sequence += 1;
        let mut out = Vec::new();
        write(&mut out, self.sequence);
        self.stream.write_all(&out).map_err(|error| broken(&error))?;
        let (mut object, mut data) = (None, None);
        loop {
            let wanted = self.sequence;
            let status = self.receive(|kind, sequence, fields| {
                if sequence == wanted && kind == message::DATA {
                    object = fields.object.or(object);
                    data = fields.data.and_then(blobmsg::read_table).map(Value::Object).or(data.take());
                }
                let ends = sequence == wanted && kind == message::STATUS;
                ends.then(|| fields.status.unwrap_or(status::UNKNOWN_ERROR))
            })?;
            if let Some(status) = status {
                return Ok(Reply { object, data, status });
            }
        }
    }

    /// Waits for a message, and returns what `show` makes of its kind, its sequence number and its fields.
    fn receive<T>(&mut self, show: impl FnOnce(u8, u16, &Fields) -> T) -> Result<T, ApiError> {
        loop {
            if let Some((message, rest)) = ubus::split(&self.received).map_err(|error| broken(&error))? {
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

/// Returns true when this machine has ubus.
pub fn is_present(path: &Path) -> bool {
    path.exists()
}

/// Calls a method of a running leash over ubus and returns its answer.
pub fn call(path: &Path, method: &str, params: &Value) -> Result<Value, ApiError> {
    let mut connection = Connection::open(path)?;
    let found = connection.request(|out, sequence| ubus::look_up(out, sequence, OBJECT))?;
    let absent = "leash is not on ubus, or you may not call it; start it with: service leash start";
    let object = found.object.ok_or(ApiError::Failed(absent.into()))?;
    let arguments = ubus::encode(params, Integers::Fit);
    let reply = connection.request(|out, sequence| ubus::invoke(out, sequence, object, method, &arguments))?;
    let data = reply.data.unwrap_or_default();
    let message = data.get("error").and_then(Value::as_str).map(String::from);
    let message = message.unwrap_or_else(|| format!("ubus refused '{method}' (status {})", reply.status));
    match reply.status {
        status::OK => Ok(data),
        status::INVALID_ARGUMENT => Err(ApiError::Argument(message)),
        status::NOT_FOUND | status::METHOD_NOT_FOUND => Err(ApiError::NotFound(message)),
        status::PERMISSION_DENIED => Err(ApiError::Denied(message)),
        _ => Err(ApiError::Failed(message)),
    }
}

/// Returns leash's events on the bus, from now on.
pub fn listen(path: &Path) -> Result<impl Iterator<Item = Result<Value, ApiError>> + use<>, ApiError> {
    let mut connection = Connection::open(path)?;
    let refused = || ApiError::Denied("ubus refused leash's events: you may not listen to them".into());
    let added = connection.request(|out, sequence| ubus::message(out, message::ADD_OBJECT, sequence, 0, |_| {}))?;
    let wanted = json!({ "object": added.object.ok_or_else(refused)? as i32, "pattern": "leash.*" });
    let wanted = ubus::encode(&wanted, Integers::Fit);
    let registered = connection.request(|out, sequence| ubus::invoke(out, sequence, EVENTS, "register", &wanted))?;
    if registered.status != status::OK {
        return Err(refused());
    }
    connection.stream.set_read_timeout(None).map_err(|error| broken(&error))?;
    Ok(std::iter::repeat_with(move || {
        let read = |kind, _, fields: &Fields| {
            let event = fields.data.filter(|_| kind == message::INVOKE)?;
            blobmsg::read_table(event).map(Value::Object)
        };
        connection.receive(read).transpose()
    })
    .flatten())
}
