//! Takes lists and networks, and reviews the contacts that they concern.

use crate::detect::{Subject, reputation};
use crate::engine::history::RecordKind;
use crate::engine::policy::{By, Decision};
use crate::engine::{DeviceId, Engine};
use crate::limits;
use crate::model::Endpoint;
use crate::reference::lists::Lists;
use crate::reference::networks::Networks;
use crate::sentence;
use crate::tables::contacts::Contact;
use crate::tables::domain::registrable;
use crate::time::Stamp;
use std::net::IpAddr;

impl Engine {
    /// Replaces the lists, and reviews the contacts that the old or the new ones name.
    pub fn set_lists(&mut self, lists: Lists, at: Stamp) {
        let before = self.listed_contacts();
        self.lists = lists;
        self.review_listed(before, at);
    }

    /// Replaces what is known of what names are for.
    pub fn set_categories(&mut self, categories: Lists) {
        self.categories = categories;
    }

    /// Replaces the networks, and reviews the contacts that a list names: networks weigh in how much a list says.
    pub fn set_networks(&mut self, networks: Option<Networks>, at: Stamp) {
        let before = self.listed_contacts();
        self.networks = networks;
        self.review_listed(before, at);
    }

    /// Returns the lists.
    pub fn lists(&self) -> &Lists {
        &self.lists
    }

    /// Returns what names are for: lists that warn of nothing, whose titles are the categories.
    pub fn categories(&self) -> &Lists {
        &self.categories
    }

    /// Returns what the names are for under which a device looked an address up. All must agree, since many share one.
    pub(super) fn category(&self, id: DeviceId, address: IpAddr) -> Option<&str> {
        let mut all = self.tables.names.of_device(id, address).map(|name| Some(self.categories.name(name)?.1.title));
        let first = all.next()??;
        all.all(|other| other == Some(first)).then_some(first)
    }

    /// Returns the networks, where a file of them was read.
    pub fn networks(&self) -> Option<&Networks> {
        self.networks.as_ref()
    }

    /// Returns the contacts that a list names: they are few, so a change of the lists need not review all.
    fn listed_contacts(&self) -> Vec<(DeviceId, Endpoint)> {
        let of = |id| self.tables.contacts.of_device(id).map(move |(endpoint, contact)| (id, endpoint, contact));
        let all = self.tables.devices.iter().flat_map(|(id, _)| of(id));
        all.filter(|(id, endpoint, contact)| self.title(*id, *endpoint, contact).is_some())
            .map(|(id, endpoint, _)| (id, endpoint))
            .collect()
    }

    /// Reviews the contacts that were listed `before` and those that are listed now.
    fn review_listed(&mut self, before: Vec<(DeviceId, Endpoint)>, at: Stamp) {
        for &(id, endpoint) in &before {
            self.review_contact(id, endpoint, at);
            self.recheck_block(id, endpoint.address, at);
        }
        // A contact that both name is reviewed twice, which changes nothing.
        for (id, endpoint) in self.listed_contacts() {
            self.review_contact(id, endpoint, at);
        }
    }

    /// Returns the names that the house calls and whose age is to be asked for.
    pub fn undated(&self) -> impl Iterator<Item = &str> {
        self.tables.registrations.waiting()
    }

    /// Takes the day on which a registrable name was registered, and reviews the contacts that are called by it.
    pub(super) fn date_name(&mut self, domain: &str, day: Option<u16>, at: Stamp) {
        self.tables.registrations.set(domain, day);
        let today = at.wall.hour() / 24;
        if day.is_none_or(|day| i64::from(today) - i64::from(day) >= limits::YOUNG_DAYS) {
            return;
        }
        let names = |id, address| self.tables.names.of_device(id, address);
        let is_so_called = |id, address| names(id, address).any(|name| registrable(name) == domain);
        let of = |id| self.tables.contacts.of_device(id).map(move |(endpoint, _)| (id, endpoint));
        let all = self.tables.devices.iter().flat_map(|(id, _)| of(id));
        let called: Vec<_> = all.filter(|(id, endpoint)| is_so_called(*id, endpoint.address)).collect();
        called.into_iter().for_each(|(id, endpoint)| self.review_contact(id, endpoint, at));
    }

    /// Ends a block of the detectors that they no longer ask for: correcting a list must undo what it did.
    fn recheck_block(&mut self, id: DeviceId, address: IpAddr, at: Stamp) {
        let mac = self.tables.devices.get(id).mac;
        let wanted = |(endpoint, contact): (Endpoint, &Contact)| {
            endpoint.address == address && self.judge_contact(id, endpoint, contact).verdict.decision == Decision::Block
        };
        let theirs = self.blocks.get(mac, address).is_some_and(|block| block.by == By::Detectors);
        if theirs && !self.tables.contacts.of_device(id).any(wanted) {
            self.lift(mac, address);
            self.other_forms(id, address).into_iter().for_each(|form| self.lift(mac, form));
            self.note_about(RecordKind::End, Some(mac), Some(address), at, || {
                sentence!("the block of %s is over: lists say otherwise now", address)
            });
        }
    }

    /// Returns the title of the list that names a contact.
    pub(super) fn title<'a>(&'a self, id: DeviceId, endpoint: Endpoint, contact: &'a Contact) -> Option<&'a str> {
        let subject = Subject { device: self.tables.devices.get(id), id, endpoint, contact };
        Some(reputation::find(&subject, &self.context())?.listed.title)
    }
}
