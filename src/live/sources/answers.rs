//! The resolvers' answers on their way to the LAN, tapped in the kernel.
//!
//! Questions are not tapped. They would double the tap's cost, and an unanswered one proves nothing: whether a flow to a
//! resolver was answered without an answer being seen is told by conntrack's counters when the flow is over.

use crate::api::Severity;
use crate::event::{self, Event};
use crate::live::netlink::{NETFILTER, Socket};
use crate::live::slot::{Need, rights_and_package};
use crate::live::sources::source::{Scene, Source, SourceKind, Step};
use crate::live::sources::tap::Tap;
use crate::model::{Protocol, Tuple, is_local};
use crate::ruleset::{ANSWERS_GROUP, REDIRECTED};
use crate::sentence;
use crate::time::Time;
use crate::wire::conntrack;
use crate::wire::dns::{self, TcpMessages};
use crate::wire::fragments::{self, Fragments};
use crate::wire::netlink::Message;
use crate::wire::packet::{Body, FIN, Frame, Packet, RST, SYN, Tcp};
use crate::wire::questions::Questions;
use serde_json::Value;
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

/// TCP connections to resolvers that are read at one time, of all devices and of one.
const STREAMS: usize = 64;
const STREAMS_PER_DEVICE: usize = 16;
/// The port of resolvers.
const DNS: u16 = 53;

/// The entry of tapped DNS answers in the table of sources.
pub static KIND: SourceKind = SourceKind {
    need: Need {
        name: "answers",
        severity: Severity::Warning,
        missing: |error| {
            sentence!("DNS answers cannot be tapped, so lookups are known from the query log only: %s", error)
        },
        remedy: || rights_and_package("kmod-nfnetlink-log"),
    },
    step: Step::Lookups,
    // The packets that the devices get: nobody can forge a line of them.
    precedence: Some(1),
    open: |_| {
        let conntrack = Socket::open(NETFILTER, &[], 8_192)?;
        Ok(Some(Box::new(AnswerTap {
            tap: Tap::open(ANSWERS_GROUP, 1 << 17)?,
            reader: Reader {
                conntrack,
                streams: HashMap::new(),
                fragments: Fragments::default(),
                truncated: Questions::default(),
            },
        })))
    },
};

/// The resolvers' answers on their way to the LAN.
struct AnswerTap {
    tap: Tap,
    reader: Reader,
}

/// Makes lookups of the packets.
struct Reader {
    /// For questions about redirected flows.
    conntrack: Socket,
    /// Answers over TCP, by the tuple of their packets.
    streams: HashMap<Tuple, Stream>,
    /// Datagrams that crossed a bridge in fragments. Where packets are routed conntrack has put them together.
    fragments: Fragments,
    /// Truncated answers, after which the device should ask over TCP.
    truncated: Questions,
}

/// The answers of one TCP connection.
struct Stream {
    messages: TcpMessages,
    /// The resolver that the device asked.
    server: IpAddr,
    since: Time,
}

impl Source for AnswerTap {
    fn fds<'a>(&'a self, fds: &mut Vec<BorrowedFd<'a>>) {
        fds.push(self.tap.as_fd());
    }

    fn read(&mut self, scene: &mut Scene, out: &mut Vec<Event>) -> io::Result<()> {
        let (reader, engine, now) = (&mut self.reader, scene.engine, scene.at.now);
        let lost = self.tap.receive(|logged| {
            let Frame::Ip(packet) = &logged.frame else { return };
            let client = packet.destination;
            // No conntrack vouches for a frame that crosses a bridge. It must go to the station that is said to have
            // asked, lest a device explain its own contacts by answers that it sends itself.
            if logged.bridged {
                match (engine.owner(client), packet.destination_mac) {
                    (Some(owner), to) if to != Some(owner) => return,
                    // A device that never had to do with the router under this address.
                    (None, Some(mac)) if mac.is_station() && (is_local(client) || engine.is_lan(client)) => {
                        out.push(Event::Neighbour { ip: client, mac });
                    }
                    _ => {}
                }
            }
            if packet.fragment.is_some() {
                return reader.fragment(packet, now, out);
            }
            let (source, tuple) = (packet.source, |protocol, source_port, destination_port| Tuple {
                protocol,
                source: packet.source,
                source_port,
                destination: client,
                destination_port,
            });
            match &packet.body {
                Body::Udp { source_port, destination_port, payload } => {
                    let tuple = tuple(Protocol::Udp, *source_port, *destination_port);
                    let redirected = logged.prefix == REDIRECTED.as_bytes();
                    let server = if redirected { reader.asked(&tuple) } else { source };
                    report(&mut reader.truncated, payload, !packet.cut, &tuple, server, now, out);
                }
                Body::Tcp(tcp) => {
                    let tuple = tuple(Protocol::Tcp, tcp.source_port, tcp.destination_port);
                    reader.segment(tuple, tcp, packet.cut, logged.prefix == REDIRECTED.as_bytes(), now, out);
                }
                _ => {}
            }
        })?;
        reader.expire(now, out);
        if lost {
            out.push(Event::Gap { source: event::Source::Lookups });
        }
        Ok(())
    }

    fn sees_lookups(&self, rules_loaded: bool) -> bool {
        rules_loaded
    }

    fn counts(&self) -> Value {
        self.tap.counts()
    }
}

impl Reader {
    /// Takes a fragment of a datagram that crossed a bridge.
    fn fragment(&mut self, packet: &Packet, now: Time, out: &mut Vec<Event>) {
        let mut lost = Vec::new();
        let whole = self.fragments.take(packet, now, &mut lost);
        if let Some(datagram) = whole {
            self.datagram(&datagram, true, (packet.source, packet.destination), now, out);
        }
        for answer in lost {
            self.datagram(&answer.start, false, (answer.source, answer.destination), now, out);
        }
    }

    /// Reads a UDP datagram that was put together, with its header.
    fn datagram(
        &mut self,
        bytes: &[u8],
        whole: bool,
        (source, client): (IpAddr, IpAddr),
        now: Time,
        out: &mut Vec<Event>,
    ) {
        let Some((source_port, destination_port, payload)) = fragments::udp(bytes) else { return };
        let tuple = Tuple { protocol: Protocol::Udp, source, source_port, destination: client, destination_port };
        if source_port == DNS {
            report(&mut self.truncated, payload, whole, &tuple, source, now, out);
        }
    }

    fn segment(&mut self, tuple: Tuple, tcp: &Tcp, cut: bool, redirected: bool, now: Time, out: &mut Vec<Event>) {
        if !self.streams.contains_key(&tuple) {
            self.make_room(tuple.destination, now, out);
            let server = if redirected { self.asked(&tuple) } else { tuple.source };
            self.streams.insert(tuple, Stream { messages: TcpMessages::default(), server, since: now });
        }
        let Some(stream) = self.streams.get_mut(&tuple) else { return };
        if tcp.flags & SYN != 0 {
            stream.messages.starts_at(tcp.sequence.wrapping_add(1));
        } else if !tcp.payload.is_empty() {
            let (truncated, server) = (&mut self.truncated, stream.server);
            let mut take = |message: &[u8], whole| report(truncated, message, whole, &tuple, server, now, out);
            stream.messages.segment(tcp.sequence, tcp.payload, cut, &mut take);
        }
        if tcp.flags & (FIN | RST) != 0 {
            self.end(&tuple, now, out);
        }
    }

    /// Ends the device's oldest connection if it has too many, or else the oldest of all if there are too many.
    fn make_room(&mut self, client: IpAddr, now: Time, out: &mut Vec<Event>) {
        let its = |tuple: &Tuple| tuple.destination == client;
        let crowds = self.streams.keys().filter(|tuple| its(tuple)).count() >= STREAMS_PER_DEVICE;
        if crowds || self.streams.len() >= STREAMS {
            let all = self.streams.iter().filter(|(tuple, _)| !crowds || its(tuple));
            let oldest = all.min_by_key(|(_, stream)| stream.since).map(|(tuple, _)| *tuple);
            oldest.iter().for_each(|tuple| self.end(tuple, now, out));
        }
    }

    fn end(&mut self, tuple: &Tuple, now: Time, out: &mut Vec<Event>) {
        let Some(Stream { mut messages, server, .. }) = self.streams.remove(tuple) else { return };
        let truncated = &mut self.truncated;
        messages.end(&mut |message: &[u8], whole| report(truncated, message, whole, tuple, server, now, out));
    }

    /// Gives up on what waits for too long.
    fn expire(&mut self, now: Time, out: &mut Vec<Event>) {
        let mut lost = Vec::new();
        self.fragments.expire(now, &mut lost);
        for answer in lost {
            self.datagram(&answer.start, false, (answer.source, answer.destination), now, out);
        }
        self.truncated.expire(now, out);
    }

    /// Returns the resolver that the device asked, where another one was made to answer; `answer` is the tuple of the
    /// answer before it is translated back. The device's flow has that resolver for its destination, so that both are known
    /// to belong together.
    fn asked(&mut self, answer: &Tuple) -> IpAddr {
        let mut server = answer.source;
        let take = |message: &Message| {
            server = conntrack::parse(message).map_or(server, |entry| entry.tuple.destination);
        };
        // It fails where the flow ended in the meantime, or is in another zone.
        let _ = self.conntrack.ask(1, |writer, sequence| conntrack::get_by_reply(writer, sequence, answer), take);
        server
    }
}

/// Reports a resolver's answer, `whole` or what there is of it, as the lookup of the device.
fn report(
    truncated: &mut Questions,
    message: &[u8],
    whole: bool,
    tuple: &Tuple,
    server: IpAddr,
    now: Time,
    out: &mut Vec<Event>,
) {
    let client = tuple.destination;
    if let Some(answered) = dns::report_answer(message, whole, client, server, out) {
        truncated.answered((client, tuple.destination_port), server, &answered, now);
    }
}
