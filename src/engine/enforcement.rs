//! Orders of the user, and the blocks that follow from them and from verdicts: what the kernel is to hold.

use crate::config::{Config, Tag};
use crate::detect::Finding;
use crate::engine::history::RecordKind;
use crate::engine::orders::OrderError;
use crate::engine::policy::{self, By, Decision};
use crate::engine::{Action, DeviceId, Engine, Verdict, orders};
use crate::limits;
use crate::mode::Mode;
use crate::model::{Endpoint, Mac, Name, Protocol};
use crate::pin::{Pin, Target};
use crate::ruleset::Elements;
use crate::sentence;
use crate::sentence::{Sentence, Value};
use crate::tables::nat64::embed_net;
use crate::time::{Span, Stamp, Wall};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// How often the pins that have an end are checked.
const REVIEW: Span = Span::secs(1);

impl Engine {
    /// Returns the settings in force, without the orders.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Replaces the settings, and reviews all blocks.
    pub fn configure(&mut self, config: Config, at: Stamp) {
        self.config = config;
        self.review_all(at);
    }

    /// Puts a device into a mode, or back into the default mode. Returns the mode that it is in then.
    pub fn set_mode(&mut self, mac: Mac, mode: impl Into<Option<Mode>>, at: Stamp) -> Mode {
        let mode = mode.into();
        self.orders.set_mode(self.orders.known_as(mac), mode);
        let holds = self.settings().mode(mac);
        self.note(RecordKind::Mode, Some(mac), at, || match mode {
            Some(mode) => sentence!("mode %s", mode.text()),
            None => sentence!("mode %s, as the house", holds.text()),
        });
        self.orders_changed(at);
        holds
    }

    /// Names a device; an empty name takes its name away.
    pub fn set_name(&mut self, mac: Mac, name: &str, at: Stamp) {
        self.orders.name(self.orders.known_as(mac), name);
        self.note(RecordKind::Name, Some(mac), at, || match name {
            "" => sentence!("no longer has a name"),
            name => sentence!("is called %s", name),
        });
        self.orders_changed(at);
    }

    /// Says what a device is, or which group it is in; an empty text takes that back.
    pub fn set_tag(&mut self, mac: Mac, tag: Tag, text: &str, at: Stamp) {
        self.orders.tag(self.orders.known_as(mac), tag, text);
        self.note(RecordKind::Name, Some(mac), at, || match (tag, text) {
            (Tag::Type, "") => sentence!("no longer has a type"),
            (Tag::Type, _) => sentence!("type %s", String::from(text)),
            (Tag::Group, "") => sentence!("is in no group any longer"),
            (Tag::Group, _) => sentence!("is in the group %s", String::from(text)),
        });
        self.orders_changed(at);
    }

    /// Puts a group of devices into a mode, except for those that have one of their own.
    ///
    /// # Errors
    /// [`OrderError::NotFound`] when no device is in this group.
    pub fn set_group_mode(&mut self, group: &str, mode: Mode, at: Stamp) -> Result<(), OrderError> {
        let is_in = |mac: &Mac| self.settings().tag(*mac, Tag::Group) == Some(group);
        if self.config.group_mode(group).is_none() && !self.settings().in_modes(|_| true).any(|mac| is_in(&mac)) {
            return Err(OrderError::NotFound(format!("no device is in the group '{}'", group.escape_default())));
        }
        self.orders.set_group_mode(group, mode);
        self.note(RecordKind::Mode, None, at, || sentence!("group %s: mode %s", String::from(group), mode.text()));
        self.orders_changed(at);
        Ok(())
    }

    /// Makes a hardware address one of another one's device: it gets the name, mode, type and group of that.
    pub fn join(&mut self, mac: Mac, with: Mac, at: Stamp) {
        let with = self.orders.known_as(with);
        self.orders.join(mac, with);
        let name = self.display_name(with);
        self.note(RecordKind::Name, Some(mac), at, || sentence!("is the same device as %s", name));
        self.orders_changed(at);
    }

    /// Switches blocking on or off for the whole house.
    pub fn set_blocking(&mut self, on: bool, at: Stamp) {
        self.orders.blocking = Some(on);
        self.note(RecordKind::Blocking, None, at, || {
            if on { sentence!("blocking is on") } else { sentence!("blocking is off") }
        });
        self.orders_changed(at);
    }

    /// Returns whether blocks are enforced at all.
    pub fn blocking(&self) -> bool {
        self.settings().blocking()
    }

    /// Pins a destination, in place of an earlier pin on it.
    ///
    /// # Errors
    /// [`OrderError::NoRoom`] when there are as many pins as there may be.
    pub fn decide(&mut self, pin: Pin, at: Stamp) -> Result<(), OrderError> {
        let said = pin.clone();
        self.pin(pin, at)?;
        self.note_pin(&said, at);
        Ok(())
    }

    fn pin(&mut self, pin: Pin, at: Stamp) -> Result<(), OrderError> {
        self.orders.pins.retain(|old| (old.mac, &old.target) != (pin.mac, &pin.target) && old.holds(at.wall));
        if self.orders.pins.len() >= limits::PINS {
            let says = format!("there are {} decisions already; take one back first", limits::PINS);
            return Err(OrderError::NoRoom(says));
        }
        if pin.until.is_none() {
            // The new pin replaces one of the settings, too.
            self.orders.unpinned.retain(|key| !orders::is_on(&pin, key));
        }
        self.orders.pins.insert(0, pin);
        self.orders_changed(at);
        Ok(())
    }

    /// Records a pin that the user ordered.
    fn note_pin(&mut self, pin: &Pin, at: Stamp) {
        let target = self.called_target(pin.mac, &pin.target);
        let until = pin.until.map(|until| until.date_at(self.utc_offset_minutes));
        self.note_about(RecordKind::Pin, pin.mac, pin.target.address(), at, || match (pin.block, until) {
            (true, None) => sentence!("your own decision: block %s", target),
            (true, Some(until)) => sentence!("your own decision: block %s until %s", target, until),
            (false, None) => sentence!("your own decision: allow %s", target),
            (false, Some(until)) => sentence!("your own decision: allow %s until %s", target, until),
        });
    }

    /// Returns what people know an address by: the name that the device looked it up as, or without a device anybody,
    /// before the address; else the bare address.
    pub(super) fn called(&self, id: Option<DeviceId>, address: IpAddr) -> Value {
        match self.looked_up_as(id, address) {
            Some(name) => sentence!("%s (%s)", name.clone(), address).into(),
            None => address.into(),
        }
    }

    /// Returns the newest name that a device looked an address up as, or without a device anybody.
    pub(super) fn looked_up_as(&self, id: Option<DeviceId>, address: IpAddr) -> Option<&Name> {
        match id {
            Some(id) => self.tables.names.of_device(id, address).next(),
            None => self.tables.names.of_other_devices(DeviceId::MAX, address).map(|(_, name)| name).next(),
        }
    }

    fn called_target(&self, mac: Option<Mac>, target: &Target) -> Value {
        let id = mac.and_then(|mac| self.tables.devices.by_mac(mac));
        match target.address() {
            Some(address) => self.called(id, address),
            None => target.to_string().into(),
        }
    }

    /// Takes back the pins on exactly this target, those of the settings, too.
    ///
    /// # Errors
    /// [`OrderError::NotFound`] when there is none.
    pub fn unpin(&mut self, mac: Option<Mac>, target: &Target, at: Stamp) -> Result<(), OrderError> {
        if !self.withdraw_pins(|pin| (pin.mac, &pin.target) == (mac, target)) {
            return Err(OrderError::NotFound(format!("there is no decision on {target}")));
        }
        let called = self.called_target(mac, target);
        self.note_about(RecordKind::Pin, mac, target.address(), at, || {
            sentence!("your own decision on %s is taken back", called)
        });
        self.orders_changed(at);
        Ok(())
    }

    /// Takes back the pins that fit, of the orders and of the settings. Returns whether there were any.
    fn withdraw_pins(&mut self, fits: impl Fn(&Pin) -> bool) -> bool {
        let before = self.orders.pins.len();
        self.orders.pins.retain(|pin| !fits(pin));
        let ordered = self.orders.pins.len() < before;
        self.orders.unpin(&self.config, fits) || ordered
    }

    /// Applies changed orders, and asks for those that are to last to be written into the settings.
    pub(super) fn orders_changed(&mut self, at: Stamp) {
        self.review_all(at);
        if self.orders.are_to_keep() {
            self.actions.push_back(Action::PersistOrders);
        }
    }

    /// Ends the block of a target. A pin that ordered it is taken back; against whatever else would bring the block
    /// back, the target is allowed until the block would have ended.
    ///
    /// # Errors
    /// [`OrderError::NotFound`] when the target is not blocked for this device; [`OrderError::NoRoom`] as in
    /// [`Engine::decide`].
    pub fn unblock(&mut self, mac: Mac, target: &Target, at: Stamp) -> Result<(), OrderError> {
        let mut found = self.withdraw_pins(|pin| pin.block && (pin.mac, &pin.target) == (Some(mac), target));
        self.orders_changed(at);
        let address = target.address();
        if let Some(block) = address.and_then(|address| self.blocks.get(mac, address)) {
            let until = block.until;
            self.pin(Pin { mac: Some(mac), target: target.clone(), block: false, until }, at)?;
            found = true;
        }
        if !found {
            return Err(OrderError::NotFound(format!("{target} is not blocked for this device")));
        }
        let called = self.called_target(Some(mac), target);
        self.note_about(RecordKind::Unblock, Some(mac), address, at, || {
            sentence!("your own decision: %s is no longer blocked", called)
        });
        Ok(())
    }

    /// Forgets what a device did: its names, contacts, findings and automatic blocks.
    pub fn forget(&mut self, id: DeviceId, at: Stamp) {
        self.tables.names.forget(id);
        self.tables.contacts.forget(id);
        self.ledger.forget(id);
        self.journal.carried.retain(|(device, ..)| *device != id);
        let mac = self.tables.devices.get(id).mac;
        let automatic = self.blocks.of(mac).filter(|(_, block)| block.by == By::Detectors);
        for address in automatic.map(|(address, _)| address).collect::<Vec<_>>() {
            self.lift(mac, address);
        }
        let device = self.tables.devices.get_mut(id);
        device.forget();
        self.note(RecordKind::Forget, Some(mac), at, || sentence!("all that was known of it is forgotten"));
    }

    /// Reviews all blocks and contacts, because the settings changed or a pin came to its end.
    pub(super) fn review_all(&mut self, at: Stamp) {
        self.verdicts = None;
        self.orders.settle(&self.config);
        let ends = self.orders.pins.iter().chain(&self.config.pins).any(|pin| pin.until.is_some());
        self.next_review = ends.then_some(at.now + REVIEW);
        self.pins_held = self.settings().pins(at.wall).count();
        let unwanted: Vec<_> = self
            .blocks
            .iter()
            .filter(|(mac, address, block)| !self.is_wanted(*mac, *address, block.by, at.wall))
            .map(|(mac, address, _)| (mac, address))
            .collect();
        for (mac, address) in unwanted {
            self.lift(mac, address);
        }
        self.actions.push_back(Action::SyncSets);
        if !self.blocking() {
            return;
        }
        let ids: Vec<DeviceId> = self.tables.devices.iter().map(|(id, _)| id).collect();
        for id in ids {
            // What contacts did before a restart was judged then: a block that is over stays over.
            let contacts = self.tables.contacts.of_device(id).filter(|(_, it)| it.active_at >= self.loaded_at);
            let endpoints: Vec<Endpoint> = contacts.map(|(endpoint, _)| endpoint).collect();
            for endpoint in endpoints {
                self.review_contact(id, endpoint, at);
            }
            self.apply_pins_ahead(id, at);
        }
    }

    /// Reviews everything if a pin has come to its end.
    pub(super) fn review_pins(&mut self, at: Stamp) {
        self.next_review = Some(at.now + REVIEW);
        if self.settings().pins(at.wall).count() != self.pins_held {
            self.review_all(at);
        }
    }

    /// Ends a block, if there is one.
    pub(super) fn lift(&mut self, mac: Mac, address: IpAddr) {
        if self.blocks.remove(mac, address).is_some() {
            self.actions.push_back(Action::Unblock { mac, address });
        }
    }

    /// Returns whether a block that this party wanted is still wanted.
    pub(super) fn is_wanted(&self, mac: Mac, address: IpAddr, by: By, wall: Wall) -> bool {
        let mode = self.settings().mode(mac);
        let pinned = self
            .tables
            .devices
            .by_mac(mac)
            .map(|id| self.verdict_of_settings(id, address, wall))
            .filter(|v| v.by() == By::Pin);
        let pinned = pinned.map(|verdict| verdict.decision);
        self.blocking()
            && pinned != Some(Decision::Allow)
            && !self.is_resolver(address)
            && match by {
                By::Pin => pinned == Some(Decision::Block),
                By::Mode => mode.is_offline(),
                By::Detectors => mode.blocks_findings(),
            }
    }

    /// Returns the verdict on an address by settings and orders alone, without any finding.
    fn verdict_of_settings(&self, id: DeviceId, address: IpAddr, wall: Wall) -> Verdict {
        let endpoint = Endpoint { address, protocol: Protocol::Tcp, port: 0 };
        self.verdict(id, endpoint, &[], Mode::Observe, wall)
    }

    /// Puts a verdict on these findings into force, with its reasons and who else in the house uses the address.
    pub(super) fn block(&mut self, id: DeviceId, address: IpAddr, verdict: Verdict, findings: &[Finding], at: Stamp) {
        let mac = self.tables.devices.get(id).mac;
        if !self.blocking() || self.blocks.get(mac, address).is_some() {
            return;
        }
        let Some(reason) = verdict.reasons(findings).into_iter().reduce(Sentence::and_then) else { return };
        if self.blocks.add(mac, address, &verdict, reason.clone(), at) {
            self.actions.push_back(Action::Block { mac, address, lasts: verdict.lasts });
            for form in self.other_forms(id, address) {
                if self.is_wanted(mac, form, verdict.by(), at.wall)
                    && self.blocks.add(mac, form, &verdict, reason.clone(), at)
                {
                    self.actions.push_back(Action::Block { mac, address: form, lasts: verdict.lasts });
                }
            }
            let reason = self.reason_with_others(id, address, reason);
            let message = sentence!("%s is blocked: %s", self.called(Some(id), address), reason);
            // What follows from an order is in the history already, as that order.
            let is_news = verdict.by() == By::Detectors;
            self.record_that(is_news, RecordKind::Block, Some(mac), Some(address), at, || message);
        }
    }

    /// Returns the reason for a block with who else in the house uses the address by now.
    pub(super) fn reason_with_others(&self, id: DeviceId, address: IpAddr, reason: Sentence) -> Sentence {
        match self.other_users(id, address) {
            Some(others) => reason.and_then(others),
            None => reason,
        }
    }

    /// Returns who else in the house uses an address, in words; absent when nobody does. Those for whom it is blocked, too,
    /// do not.
    fn other_users(&self, id: DeviceId, address: IpAddr) -> Option<Sentence> {
        let mut known: BTreeMap<DeviceId, Option<&Name>> = BTreeMap::new();
        known.extend(self.tables.names.of_other_devices(id, address).map(|(other, name)| (other, Some(name))));
        let callers = self.tables.devices.iter().map(|(other, _)| other);
        for other in callers.filter(|other| *other != id && self.tables.contacts.has_address(*other, address)) {
            known.entry(other).or_default();
        }
        known.retain(|other, _| {
            let mac = self.tables.devices.get(*other).mac;
            self.blocks.get(mac, address).is_none()
                && !self.settings().mode(mac).is_offline()
                && self.verdict_of_settings(*other, address, self.latest.wall).decision != Decision::Block
        });
        let say = |(other, name): (&DeviceId, &Option<&Name>)| {
            let who = self.display_name(self.tables.devices.get(*other).mac);
            match name {
                Some(name) => sentence!("%s knows it as %s", who, (*name).clone()),
                None => sentence!("%s uses it too", who),
            }
        };
        let all = known.iter().take(3).map(say).reduce(|list, next| sentence!("%s, %s", list, next))?;
        Some(sentence!("blocked for this device alone: %s", all))
    }

    /// Sets which resolvers the router itself asks. They are never blocked.
    pub fn set_resolvers(&mut self, resolvers: Vec<IpAddr>, at: Stamp) {
        if self.resolvers != resolvers {
            self.resolvers = resolvers;
            self.review_all(at);
        }
    }

    /// Blocks what pins name for a device before it calls there.
    pub(super) fn apply_pins_ahead(&mut self, id: DeviceId, at: Stamp) {
        let mac = self.tables.devices.get(id).mac;
        let pins = self.settings().pins(at.wall).filter(|pin| pin.block && policy::is_for(pin, mac));
        let addresses: Vec<IpAddr> = pins.flat_map(|pin| self.pin_addresses(id, pin)).collect();
        for address in addresses {
            self.apply_pins_to_address(id, address, at);
        }
    }

    /// Returns the single addresses that a pin means for a device by now: its own, or those looked up under its name.
    fn pin_addresses(&self, id: DeviceId, pin: &Pin) -> Vec<IpAddr> {
        match &pin.target {
            Target::Name(name) => self.tables.names.addresses(id, |known| policy::is_below(known, name)),
            Target::Prefix(_) => pin.address().into_iter().collect(),
        }
    }

    /// Applies pins on names to an address that a lookup has just yielded, before the device calls it.
    pub(super) fn apply_name_pin_ahead(&mut self, id: DeviceId, address: IpAddr, at: Stamp) {
        if self.settings().pins(at.wall).any(|pin| matches!(pin.target, Target::Name(_))) {
            self.apply_pins_to_address(id, address, at);
        }
    }

    /// Blocks or lifts an address for a device as its pins say.
    fn apply_pins_to_address(&mut self, id: DeviceId, address: IpAddr, at: Stamp) {
        let verdict = self.verdict_of_settings(id, address, at.wall);
        match (verdict.by(), verdict.decision) {
            (By::Pin, Decision::Block) => self.block(id, address, verdict, &[], at),
            (By::Pin, _) => {
                self.lift(self.tables.devices.get(id).mac, address);
                self.actions.push_back(Action::SyncSets);
            }
            _ => {}
        }
    }

    /// Returns what the sets of the ruleset are to hold now.
    pub fn elements(&self, at: Stamp) -> Elements {
        let mut elements = Elements::default();
        if !self.blocking() {
            return elements;
        }
        let left = |block: &policy::Block| block.expires.map(|end| end.since(at.now));
        elements.blocked.extend(self.blocks.iter().map(|(mac, address, block)| ((mac, address), left(block))));
        elements.local.extend(self.settings().in_modes(Mode::is_offline));
        for (id, device) in self.tables.devices.iter() {
            let local = self.settings().mode(device.mac).is_offline();
            elements.local.extend(local.then_some(device.mac));
            for pin in self.settings().pins(at.wall).filter(|pin| !pin.block && policy::is_for(pin, device.mac)) {
                // What a name leads to, the resolver says; what an address stands for, only the network.
                let asks = matches!(pin.target, Target::Name(_)).then_some(id);
                for address in self.pin_addresses(id, pin) {
                    let forms = self.tables.names.nat64.forms(asks, address);
                    elements.admitted.extend(forms.into_iter().map(|address| (device.mac, address)));
                }
            }
        }
        elements
    }

    /// Returns the pins on prefixes that hold, for the rules of the ruleset.
    pub fn prefix_pins(&self, wall: Wall) -> Vec<Pin> {
        let wide = |pin: &&Pin| matches!(pin.target, Target::Prefix(_)) && pin.address().is_none();
        let pins = self.settings().pins(wall).filter(wide);
        if self.blocking() { pins.flat_map(|pin| self.forms_of_pin(pin)).collect() } else { Vec::new() }
    }

    /// Returns a pin on a prefix for the ruleset, and its like for what translators make of the prefix. The engine ends
    /// pins; a rule has no end.
    fn forms_of_pin(&self, pin: &Pin) -> Vec<Pin> {
        let mut all = vec![Pin { until: None, ..pin.clone() }];
        let Target::Prefix(IpNet::V4(net)) = pin.target else { return all };
        for (id, prefix) in self.tables.names.nat64.iter() {
            let learnt_by = id.map(|id| self.tables.devices.get(id).mac);
            let is_for = learnt_by.is_none_or(|mac| pin.block && policy::is_for(pin, mac));
            if let Some(target) = embed_net(prefix, net).filter(|_| is_for) {
                let target = Target::Prefix(target.into());
                all.push(Pin { mac: learnt_by.or(pin.mac), target, until: None, ..pin.clone() });
            }
        }
        all
    }

    /// Returns the live flows between a device and an address.
    pub fn flows_between(&self, mac: Mac, address: IpAddr) -> Vec<crate::model::Tuple> {
        self.tables.devices.by_mac(mac).map(|id| self.tables.flows.between(id, address)).unwrap_or_default()
    }

    /// Returns the live flows between devices and the addresses that are blocked for them.
    pub fn blocked_flows(&self) -> Vec<crate::model::Tuple> {
        let blocked = |id, address| self.blocks.get(self.tables.devices.get(id).mac, address).is_some();
        self.tables.flows.live(|tuple, flow| {
            flow.device().is_some_and(|id| blocked(id, tuple.destination) || blocked(id, tuple.source))
        })
    }

    /// Takes over a block that was found in the kernel, with how long it stays there, if it is still wanted.
    pub fn adopt_block(&mut self, (mac, address): crate::wire::nft::Pair, left: Option<Span>, at: Stamp) {
        let by = match left {
            Some(_) => By::Detectors,
            None => By::Pin,
        };
        if self.is_wanted(mac, address, by, at.wall) && self.tables.devices.get_or_insert(mac, at).is_some() {
            let until = left.map(|left| at.wall + left);
            let reason = sentence!("it was blocked before leash stopped without warning; the reason is lost");
            let block = policy::Block { since: at.wall, until, expires: left.map(|left| at.now + left), by, reason };
            self.blocks.restore((mac, address), block);
        }
    }
}
