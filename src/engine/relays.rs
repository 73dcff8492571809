//! Which devices pass on for others what they receive, and what else speaks for that and against it.

use crate::engine::{DeviceId, Engine};
use crate::limits;
use crate::model::Endpoint;
use crate::tables::contacts::Contact;
use crate::tables::counters::balance::{Excuse, Relay, RelaySigns};
use crate::tables::counters::day::Traffic;
use crate::tables::counters::reach::network_prefix;
use crate::tables::domain::registrable;
use crate::tables::flows::{FlowDelta, Label, Owner};
use crate::tables::service::Service;
use crate::time::{Span, Stamp, Wall};
use std::net::IpAddr;

/// The category of names whose only use is to learn one's own public address.
const OWN_ADDRESS: &str = "own-address";

impl Engine {
    /// Adds bytes of a flow with the Internet to its device's balance, and looks for a relay when a minute is over.
    pub(super) fn count_balance(&mut self, delta: &FlowDelta, at: Stamp) {
        let FlowDelta { owner, endpoint: Endpoint { address, .. }, sent, received, .. } = *delta;
        let Owner { device: id, outbound } = owner;
        let mac = self.tables.devices.get(id).mac;
        let outside = delta.label != Label::OutOfScope
            || !outbound && !self.tables.is_inside(address) && self.settings().mode(mac).is_judged();
        if outside && received > 0 {
            self.tables.answers.record(address.is_ipv4(), at.now);
        }
        // What nobody answers may have been sent by anybody who uses the device's address.
        if !outside || !delta.answered {
            return;
        }
        let Some(balance) = self.tables.devices.balance_mut(id, at.wall, at.now) else { return };
        let is_counting = at.now.since(self.counted_at) < limits::COUNT_LASTS;
        let judged = balance.add(address, outbound, Traffic { sent, received }, is_counting, at.now);
        if let Some(call) = &delta.call {
            balance.twins.add(address, outbound, call, at.now);
        }
        if let Some(relay) = judged {
            self.note_relay(id, relay, at);
        }
    }

    /// Notes that a device passed on what it received.
    fn note_relay(&mut self, id: DeviceId, mut relay: Relay, at: Stamp) {
        relay.signs = self.signs(id, &relay, at);
        if let Some(before) = self.tables.devices.get(id).recent_relay(at.now) {
            let is_same = relay.masters.iter().any(|master| before.serves(*master));
            let fades = at.now.since(before.at) >= limits::RELAY_FADES;
            if before.is_sure && !relay.is_sure && !fades {
                return;
            }
            // What was new when the relay began is not new for ever, but it still speaks for the relay.
            if is_same {
                relay.signs.delay_ms = relay.signs.delay_ms.or(before.signs.delay_ms);
                relay.signs.new_programs = relay.signs.new_programs.max(before.signs.new_programs);
            }
        }
        let endpoints = self.tables.contacts.of_device(id).map(|(endpoint, _)| endpoint);
        let with_masters: Vec<Endpoint> = endpoints.filter(|endpoint| relay.serves(endpoint.address)).collect();
        if let Some(balance) = &mut self.tables.devices.get_mut(id).balance {
            balance.relay = Some(Box::new(relay));
        }
        for endpoint in with_masters {
            self.review_contact(id, endpoint, at);
        }
    }

    /// Returns what else speaks for a relay or against it, beside what it passes on.
    fn signs(&self, id: DeviceId, relay: &Relay, at: Stamp) -> RelaySigns {
        let device = self.tables.devices.get(id);
        let delay = device.handshakes.long_delay(limits::RELAY_DELAY, at.now);
        // Where it is not known what is usual for the device, a delay counts only with many others: a slow device is
        // slow with the few that it calls.
        let delay = delay.filter(|delay| delay.is_unusual || relay.is_sure);
        let programs = device.handshakes.program_count(at.now);
        let window = limits::RELAY_WINDOW.max(Span::mins(relay.minutes.into()));
        let (mut proxy, mut excuse, mut names, mut by_address) = (false, None, 0, true);
        let (mut sites, mut ports, mut asks_own_address) = (Vec::new(), Vec::new(), false);
        for (endpoint, contact) in self.tables.contacts.of_device(id) {
            if relay.serves(endpoint.address) {
                proxy |= matches!(contact.service, Service::Socks | Service::HttpConnect);
                by_address &= is_by_address(contact);
                excuse = match contact.service {
                    _ if contact.inbound => Some(Excuse::Owner),
                    Service::Stun | Service::Turn if !relay.is_sure => Some(Excuse::Call),
                    Service::WireGuard | Service::Esp => Some(Excuse::Vpn),
                    _ => excuse,
                };
                continue;
            }
            let named = contact.flows(Label::Lookup) > 0 && contact.first_seen < at.wall - Span::hours(1);
            names += usize::from(named && matches!(contact.service, Service::Tls | Service::Quic));
            if contact.inbound || contact.is_out_of_scope() {
                continue;
            }
            asks_own_address |= self.category(id, endpoint.address) == Some(OWN_ADDRESS);
            let is_active = at.now.since(contact.active_at) <= window;
            let (first_seen, name) = (contact.first_seen, self.site(id, endpoint.address));
            sites.push(Site { name, first_seen, is_active });
            if is_active && endpoint.port < 1_024 {
                ports.push(endpoint.port.into());
            }
        }
        if names >= limits::PEOPLE_NAMES {
            excuse = excuse.or(Some(Excuse::People));
        }
        sites.sort_unstable_by(|a, b| (&a.name, a.first_seen).cmp(&(&b.name, b.first_seen)));
        sites.dedup_by(|next, first| {
            let is_same = next.name == first.name;
            first.is_active |= is_same && next.is_active;
            is_same
        });
        // Whatever a device calls is new that was itself not known before.
        let day_ago = at.wall - Span::days(1);
        let is_new = |site: &&Site| device.first_seen < day_ago && site.first_seen >= day_ago;
        let (active, new) = (|| sites.iter().filter(|site| site.is_active), || sites.iter().filter(is_new));
        let hours = distinct(new().map(|site| site.first_seen.hour()).collect());
        RelaySigns {
            delay_ms: delay.map(|delay| delay.median.as_millis() as u32),
            new_programs: if programs.known < limits::RELAY_PROGRAMS { programs.new } else { 0 },
            proxy,
            asks_own_address,
            by_address: by_address && distinct(ports) >= limits::RELAY_PORTS,
            sites: active().count() as u32,
            new_sites: active().filter(is_new).count() as u32,
            new_sites_today: new().count() as u32,
            hours_with_new_sites: hours as u32,
            excuse: excuse.filter(|_| !proxy),
        }
    }

    /// Returns the site that an address of a device belongs to: the registered part of its name, else its network.
    fn site(&self, id: DeviceId, address: IpAddr) -> Box<[u8]> {
        let name = self.tables.names.of_device(id, address).map(|name| registrable(name)).find(|name| !name.is_empty());
        name.map_or_else(|| network_prefix(address).as_slice().into(), |name| name.as_bytes().into())
    }
}

/// What a device has to do with a site.
struct Site {
    name: Box<[u8]>,
    first_seen: Wall,
    /// The device talks to it in the minutes that were judged.
    is_active: bool,
}

/// Returns how many different numbers there are.
fn distinct(mut numbers: Vec<u32>) -> usize {
    numbers.sort_unstable();
    numbers.dedup();
    numbers.len()
}

/// Returns true if no lookup of the device yielded the address, though its lookups are seen.
fn is_by_address(contact: &Contact) -> bool {
    contact.flows(Label::Unexplained) > 0 && contact.flows(Label::Lookup) == 0
}
