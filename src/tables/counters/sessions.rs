//! Sessions that a server sets up between a device and a peer: calls, games, and above all people who look at their
//! camera from elsewhere. The server tells both sides where the other is, inside a protocol that nobody else can read,
//! and both send until their NATs let the packets of the other in ("hole punching": B. Ford, P. Srisuresh and D. Kegel,
//! "Peer-to-Peer Communication Across Network Address Translators", USENIX 2005; RFC 5128, section 3.3). No lookup can
//! explain such a peer, but the session has a shape:
//!
//! * its packets leave from the UDP port at which the device talks to the server, because that is the port that the
//!   server saw and told the peer;
//! * or they go from one port to several ports or addresses at once, because nobody knows which one the peer's NAT will
//!   use, or which relay is nearest.
//!
//! Either way the device first talks to a server that a lookup explains. All of it is kept in a fixed number of bytes,
//! for a bounded number of devices ([`limits::SESSIONS`]).

use crate::limits;
use crate::model::{Protocol, Tuple};
use crate::time::{Span, Time};
use std::net::IpAddr;

/// How many sockets with servers are remembered; those who use more have them one after the other.
const SERVERS: usize = 4;
/// How many bursts of a device are followed at one time.
const BURSTS: usize = 2;
/// How many peers are remembered with the server that set them up, for people.
const PEERS: usize = 6;
/// How long the packets of one burst are apart at most.
const BURST: Span = Span::secs(2);
/// A server's answer takes at least this long: what a device calls in the same instant as the server is no peer that
/// the server told it of, but another server.
const ROUND_TRIP: Span = Span::ms(2);

/// How a peer was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// The first packets speak a protocol of such sessions: STUN, TURN, or a maker's.
    Protocol,
    /// The packets leave from the port at which the device talks to a server that it looked up.
    Socket,
    /// Several ports or addresses were tried at once from one port.
    Burst,
    /// It was called right after a server that the device looked up: see [`super::referrals`].
    Referral,
}

/// A socket at which the device talks to a server that a lookup explains.
#[derive(Clone, Copy, Debug)]
struct Server {
    address: IpAddr,
    port: u16,
    own_port: u16,
    opened_at: Time,
}

/// Flows from one port to several endpoints.
#[derive(Clone, Copy, Debug)]
struct Burst {
    own_port: u16,
    endpoints: u8,
    /// The address that was tried last.
    address: IpAddr,
    at: Time,
}

/// What shows the sessions of one device.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    /// The oldest first.
    servers: [Option<Server>; SERVERS],
    bursts: [Option<Burst>; BURSTS],
    /// The peer and the server, the latest last.
    peers: [Option<(IpAddr, IpAddr)>; PEERS],
    /// When anything was noted last.
    pub used_at: Time,
}

/// Puts an item at the end of a list that is full, for which the first one goes.
fn push<T>(list: &mut [Option<T>], item: T) {
    list.rotate_left(1);
    if let Some(last) = list.last_mut() {
        *last = Some(item);
    }
}

/// Returns true for flows that may belong to a session or set one up: UDP, and neither names, nor time, nor the web,
/// whose many sockets would push out the others.
pub fn may_belong(tuple: &Tuple) -> bool {
    tuple.protocol == Protocol::Udp && !matches!(tuple.destination_port, 53 | 123 | 443 | 853)
}

impl Sessions {
    /// Notes a flow to a server that a lookup explains.
    pub fn note_server(&mut self, tuple: &Tuple, now: Time) {
        self.used_at = now;
        // Devices ask several servers at once from one socket; the first flow tells how old it is.
        let is_known = |server: &Server| {
            server.own_port == tuple.source_port && now.since(server.opened_at) < limits::SESSION_SOCKET
        };
        if !self.servers.iter().flatten().any(is_known) {
            let (address, port) = (tuple.destination, tuple.destination_port);
            push(&mut self.servers, Server { address, port, own_port: tuple.source_port, opened_at: now });
        }
    }

    /// Counts a flow that no lookup explains.
    pub fn note_attempt(&mut self, tuple: &Tuple, now: Time) {
        self.used_at = now;
        let (own_port, address) = (tuple.source_port, tuple.destination);
        let same = |burst: &&mut Burst| burst.own_port == own_port && now.since(burst.at) < BURST;
        match self.bursts.iter_mut().flatten().find(same) {
            Some(burst) => {
                *burst = Burst { own_port, endpoints: burst.endpoints.saturating_add(1), address, at: now };
            }
            None => push(&mut self.bursts, Burst { own_port, endpoints: 1, address, at: now }),
        }
    }

    /// Returns the address of the server at whose socket a flow began that no lookup explains. `is_live` says of a
    /// flow with the server whether it goes on.
    pub fn server_of_socket(&self, tuple: &Tuple, opened_at: Time, is_live: impl Fn(&Tuple) -> bool) -> Option<IpAddr> {
        let fits = |server: &&Server| {
            let age = opened_at.since(server.opened_at);
            let with_server = Tuple { destination: server.address, destination_port: server.port, ..*tuple };
            server.own_port == tuple.source_port
                && server.opened_at + ROUND_TRIP <= opened_at
                && (age < limits::SESSION_SOCKET || is_live(&with_server))
        };
        self.servers.iter().flatten().rev().find(fits).map(|server| server.address)
    }

    /// Returns true if a flow that began at `opened_at` is among those that tried several endpoints at once, or goes to
    /// the address that they tried.
    pub fn is_burst(&self, tuple: &Tuple, opened_at: Time) -> bool {
        self.bursts.iter().flatten().any(|burst| {
            let apart = burst.at.since(opened_at).max(opened_at.since(burst.at));
            burst.endpoints >= limits::SESSION_ENDPOINTS
                && (burst.own_port == tuple.source_port || burst.address == tuple.destination)
                && apart < limits::SESSION_BURST
        })
    }

    /// Remembers which server set up the session with a peer.
    pub fn note_peer(&mut self, peer: IpAddr, server: IpAddr) {
        if self.server_of_peer(peer) != Some(server) {
            push(&mut self.peers, (peer, server));
        }
    }

    /// Returns the address of the server that set up the latest session with a peer, while that is remembered.
    pub fn server_of_peer(&self, peer: IpAddr) -> Option<IpAddr> {
        self.peers.iter().flatten().rev().find(|(known, _)| *known == peer).map(|(_, server)| *server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn udp(own_port: u16, last: u8, port: u16) -> Tuple {
        Tuple {
            protocol: Protocol::Udp,
            source: [192, 168, 8, 22].into(),
            source_port: own_port,
            destination: [203, 0, 113, last].into(),
            destination_port: port,
        }
    }

    fn at(ms: u64) -> Time {
        Time(0) + Span::ms(ms)
    }

    #[test]
    fn a_peer_is_called_from_the_socket_of_the_server() {
        let mut sessions = Sessions::default();
        sessions.note_server(&udp(4_000, 1, 32_100), at(0));
        sessions.note_server(&udp(4_000, 2, 32_100), at(1));
        let server = Some(udp(0, 1, 0).destination);
        let dead = |_: &Tuple| false;
        assert_eq!(sessions.server_of_socket(&udp(4_000, 9, 51_000), at(40), dead), server);
        assert_eq!(sessions.server_of_socket(&udp(4_001, 9, 51_000), at(40), dead), None, "another socket");
        assert_eq!(sessions.server_of_socket(&udp(4_000, 3, 32_100), at(1), dead), None, "another server");
        let hours_later = at(7_200_000);
        assert_eq!(sessions.server_of_socket(&udp(4_000, 9, 51_000), hours_later, dead), None);
        let live = |with: &Tuple| *with == udp(4_000, 1, 32_100);
        assert_eq!(sessions.server_of_socket(&udp(4_000, 9, 51_000), hours_later, live), server);
    }

    #[test]
    fn a_burst_is_several_endpoints_at_once_from_one_port() {
        let mut sessions: [Sessions; 4] = Default::default();
        for n in 0..5_u16 {
            sessions[0].note_attempt(&udp(4_000, 9, 51_000 + n), at(100));
            sessions[1].note_attempt(&udp(4_000, n as u8, 51_000), at(100));
            sessions[2].note_attempt(&udp(4_000, 9, 51_000 + n), at(u64::from(n) * 60_000));
            sessions[3].note_attempt(&udp(4_000 + n, n as u8, 51_000), at(100));
        }
        let is_burst = |sessions: &Sessions, tuple| sessions.is_burst(&tuple, at(20));
        assert!(is_burst(&sessions[0], udp(4_000, 9, 51_000)) && is_burst(&sessions[1], udp(4_000, 0, 51_000)));
        assert!(is_burst(&sessions[0], udp(4_007, 9, 52_000)), "another socket to the same peer");
        assert!(
            !is_burst(&sessions[0], udp(4_007, 8, 52_000)) && !sessions[0].is_burst(&udp(4_000, 9, 51_000), at(60_000))
        );
        assert!(!is_burst(&sessions[2], udp(4_000, 9, 51_000)), "too slow");
        assert!(!is_burst(&sessions[3], udp(4_000, 0, 51_000)), "as many ports as addresses");
    }

    #[test]
    fn the_latest_peers_are_remembered() {
        let (mut sessions, ip) = (Sessions::default(), |n: u8| IpAddr::from([203, 0, 113, n]));
        (0..20).for_each(|n| sessions.note_peer(ip(n), ip(200)));
        sessions.note_peer(ip(19), ip(201));
        assert_eq!((sessions.server_of_peer(ip(19)), sessions.server_of_peer(ip(0))), (Some(ip(201)), None));
    }
}
