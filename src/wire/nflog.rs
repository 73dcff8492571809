//! nfnetlink_log: the packets that nft's `log group` hands over (linux/netfilter/nfnetlink_log.h). [`super::packet`]
//! reads the packets themselves, since captures have the same form (LINKTYPE_NFLOG).

use crate::time::Wall;
use crate::wire::netlink::{Message, Writer, attributes, be32, flag};
use crate::wire::packet::{self, Frame};

const SUBSYSTEM: u16 = 4 << 8;
const PACKET: u16 = SUBSYSTEM;
const CONFIG: u16 = SUBSYSTEM | 1;
const CFG_CMD: u16 = 1;
const CFG_MODE: u16 = 2;
const CFG_TIMEOUT: u16 = 4;
const CFG_FLAGS: u16 = 6;
const CMD_BIND: u8 = 1;
const COPY_PACKET: u8 = 2;
/// Number the packets of the group (`NFULNL_CFG_F_SEQ`).
const NUMBERED: u16 = 1;
const LINKTYPE_NFLOG: u32 = 239;
const AF_BRIDGE: u8 = 7;
/// The attribute with the time at which the packet came: two 64-bit numbers, seconds and microseconds since 1970.
const TIMESTAMP: u16 = 3;
const PREFIX: u16 = 10;
const SEQUENCE: u16 = 12;

/// Writes a request for the packets of a group, whole. The kernel hands them over several at a time, and after 10 ms at
/// the latest. It numbers them, so that a lost one is noticed.
pub fn bind(writer: &mut Writer, sequence: u32, group: u16) {
    writer.netfilter(CONFIG, flag::ACK, sequence, 0, group);
    writer.attribute(CFG_CMD, &[CMD_BIND]);
    writer.netfilter(CONFIG, flag::ACK, sequence, 0, group);
    writer.attribute(CFG_MODE, &[0, 0, 0xff, 0xff, COPY_PACKET, 0]);
    writer.attribute(CFG_TIMEOUT, &1_u32.to_be_bytes());
    writer.attribute(CFG_FLAGS, &NUMBERED.to_be_bytes());
}

/// A packet that was logged.
#[derive(Debug)]
pub struct Logged<'a> {
    /// The number of the log group.
    pub group: u16,
    /// The kernel's date of the packet (always there in the forward hook since Linux 5.18, else seldom).
    pub wall: Option<Wall>,
    /// The packet's number in its group, which grows by one.
    pub number: Option<u32>,
    /// What the rule says of the packet (`log prefix`).
    pub prefix: &'a [u8],
    /// A frame that crosses a bridge, seen by a rule of the bridge family.
    pub bridged: bool,
    /// The packet.
    pub frame: Frame<'a>,
}

/// Reads a logged packet. Returns `None` when the message is none, or cannot be read.
pub fn parse<'a>(message: &Message<'a>) -> Option<Logged<'a>> {
    let &[family, _, high, low] = message.body.first_chunk().filter(|_| message.kind == PACKET)?;
    let frame = packet::parse(LINKTYPE_NFLOG, message.body, 0).ok()?;
    let date = |value: &[u8]| {
        let (seconds, micros) = value.split_first_chunk::<8>()?;
        let (seconds, micros) = (i64::from_be_bytes(*seconds), i64::from_be_bytes(*micros.first_chunk()?));
        Some(Wall(seconds.checked_mul(1_000_000)?.checked_add(micros)?))
    };
    let group = u16::from_be_bytes([high, low]);
    let mut logged = Logged { group, wall: None, number: None, prefix: &[], bridged: family == AF_BRIDGE, frame };
    for (kind, value) in attributes(message.body.get(4..)?) {
        match kind {
            TIMESTAMP => logged.wall = date(value),
            PREFIX => logged.prefix = value.strip_suffix(b"\0").unwrap_or(value),
            SEQUENCE => logged.number = be32(value),
            _ => {}
        }
    }
    Some(logged)
}

#[cfg(test)]
mod tests {
    use super::super::netlink::messages;
    use super::super::packet::Body;
    use super::*;

    #[test]
    fn a_packet_has_its_group_and_the_station_that_sent_it() {
        let udp: [u8; 32] = [
            0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 192, 168, 8, 20, 203, 0, 113, 7, 0x9c, 0x40, 0, 123, 0, 12, 0, 0,
            1, 2, 3, 4,
        ];
        let mut writer = Writer::default();
        writer.netfilter(PACKET, 0, 0, 2, 53);
        writer.attribute(1, &[8, 0, 2, 0]);
        writer.attribute(8, &[0, 6, 0, 0, 2, 0, 0, 0, 0, 9, 0, 0]);
        writer.attribute(TIMESTAMP, &[0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 9]);
        writer.attribute(PREFIX, b"redirected\0");
        writer.attribute(SEQUENCE, &7_u32.to_be_bytes());
        writer.attribute(9, &udp);
        let message = messages(writer.bytes()).next().unwrap();
        let logged = parse(&message).unwrap();
        assert_eq!((logged.group, logged.wall), (53, Some(Wall(7_000_009))));
        assert_eq!((logged.number, logged.prefix, logged.bridged), (Some(7), &b"redirected"[..], false));
        let Frame::Ip(packet) = logged.frame else { panic!("{logged:?}") };
        assert_eq!(packet.source_mac.unwrap().to_string(), "02:00:00:00:00:09");
        assert!(matches!(packet.body, Body::Udp { source_port: 40_000, destination_port: 123, payload: [1, 2, 3, 4] }));
        assert!(parse(&Message { kind: CONFIG, ..message }).is_none());
        assert!(
            (0..message.body.len()).all(|end| parse(&Message { body: &message.body[..end], ..message }).is_none()
                || end > message.body.len() - 32)
        );
    }
}
