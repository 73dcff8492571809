//! What the detectors and the policy say of contacts and devices now, typed. [`super::view`] renders it; nothing reads
//! the rendering back.

use crate::detect::bypass::is_told_with_device;
use crate::detect::{self, Finding, Strength, Subject};
use crate::engine::Engine;
use crate::engine::policy::{Because, By, Decision, Verdict};
use crate::engine::purpose::{self, Purpose};
use crate::mode::Mode;
use crate::model::{Endpoint, Explained};
use crate::sentence;
use crate::sentence::{Sentence, Value};
use crate::tables::contacts::Contact;
use crate::tables::devices::{Device, DeviceId};
use std::net::IpAddr;

/// A contact with what detectors and policy say of it.
pub(super) struct JudgedContact<'a> {
    /// The remote side.
    pub endpoint: Endpoint,
    /// What they have had with each other.
    pub contact: &'a Contact,
    /// The endpoint is inside the house.
    pub local: bool,
    /// What the contact is plainly for; absent inside the house and where the other side opened it.
    pub purpose: Option<Purpose>,
    /// What the detectors find now.
    pub findings: Vec<Finding>,
    /// What is done about it in the device's mode.
    pub verdict: Verdict,
}

/// A device with what detectors and policy say of it and of all its contacts.
pub(super) struct JudgedDevice<'a> {
    /// The device's place in the tables.
    pub id: DeviceId,
    /// The device.
    pub device: &'a Device,
    /// The mode that it is in.
    pub mode: Mode,
    /// What the detectors find on the device as a whole.
    pub findings: Vec<Finding>,
    /// What was found before a restart, and was not found again yet.
    pub remembered: Vec<(Option<Endpoint>, Finding)>,
    /// A block of the detectors that is in force, where no contact tells of one: the address and the reason.
    pub block: Option<(IpAddr, &'a Sentence)>,
    /// Its contacts in the order of their endpoints.
    pub contacts: Vec<JudgedContact<'a>>,
}

/// How bad something is that is known of a device, the worst last. Its number is in the JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// Nothing was found.
    Nothing,
    /// The user decided on it.
    Chosen,
    /// A hint.
    Hint,
    /// Likely.
    Likely,
    /// Certain.
    Certain,
    /// Likely, and it harms others.
    LikelyHarm,
    /// Certain, and it harms others.
    CertainHarm,
}

impl Severity {
    /// All that a finding can have, the worst first.
    const WORST_FIRST: [Severity; 6] = [
        Severity::CertainHarm,
        Severity::LikelyHarm,
        Severity::Certain,
        Severity::Likely,
        Severity::Hint,
        Severity::Chosen,
    ];

    fn of(finding: &Finding, chosen: bool) -> Severity {
        match (finding.strength, detect::HARMFUL.contains(&finding.detector)) {
            _ if chosen => Severity::Chosen,
            (Strength::Strong, true) => Severity::CertainHarm,
            (Strength::Fair, true) => Severity::LikelyHarm,
            (Strength::Strong, false) => Severity::Certain,
            (Strength::Fair, false) => Severity::Likely,
            (Strength::Weak, _) => Severity::Hint,
        }
    }
}

/// A finding with what it is on.
#[derive(Clone, Copy)]
pub(super) struct FindingOn<'a> {
    /// The contact; absent where it is on the device as a whole.
    pub endpoint: Option<Endpoint>,
    /// The finding.
    pub finding: &'a Finding,
    /// How bad it is.
    pub severity: Severity,
}

/// How many of a device's contacts outside the house are explained by lookups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    /// Contacts outside the house that the device opened.
    pub contacts: usize,
    /// Those that no lookup of the device explains. Time by address is common and needed, and so are
    /// pings; they are not among them.
    pub unexplained: usize,
    /// Those for which it cannot be said.
    pub unknown: usize,
}

impl JudgedDevice<'_> {
    /// Returns the most severe decision, and whether it is the user's own, which counts only where nothing else is to be
    /// said. A finding on the device as a whole is at least watched, and a device with a detector's block in force is
    /// blocked, whatever was forgotten.
    pub fn worst(&self) -> (Decision, bool) {
        let of = |chosen| {
            let contacts = self.contacts.iter().filter(move |contact| contact.is_chosen() == chosen);
            contacts.map(|contact| contact.verdict.decision).fold(Decision::Allow, Decision::max)
        };
        let whole = match self.block {
            Some(_) => Decision::Block,
            None if self.findings.is_empty() && self.remembered.is_empty() => Decision::Allow,
            None => Decision::Watch,
        };
        match (whole.max(of(false)), of(true)) {
            (Decision::Allow, chosen) => (chosen, chosen != Decision::Allow),
            (found, _) => (found, false),
        }
    }

    /// Returns each finding with the contact that it is on: first those on the whole device, then by contact, without
    /// those that the device as a whole already tells. What is remembered takes the place of what is found less strongly
    /// now.
    pub fn each_finding(&self) -> impl Iterator<Item = FindingOn<'_>> {
        let whole = self.findings.iter();
        let whole = whole.map(|finding| FindingOn { endpoint: None, finding, severity: Severity::of(finding, false) });
        let live = whole.chain(self.contacts.iter().flat_map(move |it| {
            let own = it.findings.iter().filter(|finding| !is_told_with_device(self.device, it.contact, finding));
            own.map(|finding| {
                let severity = Severity::of(finding, it.is_chosen());
                FindingOn { endpoint: Some(it.endpoint), finding, severity }
            })
        }));
        let is_same = |one: &(Option<Endpoint>, Finding), other: &FindingOn| {
            (one.0, one.1.detector) == (other.endpoint, other.finding.detector)
        };
        let live = live.filter(move |it| !self.remembered.iter().any(|remembered| is_same(remembered, it)));
        let remembered = self.remembered.iter();
        let remembered = remembered.map(|(endpoint, finding)| {
            let chosen = |it: &JudgedContact| Some(it.endpoint) == *endpoint && it.is_chosen();
            let severity = Severity::of(finding, self.contacts.iter().any(chosen));
            FindingOn { endpoint: *endpoint, finding, severity }
        });
        remembered.chain(live)
    }

    /// Returns all findings with the contact that they are on: the worst first; of equals, first those on the whole device.
    pub fn all_findings(&self) -> Vec<FindingOn<'_>> {
        let mut all = Vec::new();
        for severity in Severity::WORST_FIRST {
            all.extend(self.each_finding().filter(|found| found.severity == severity));
        }
        all
    }

    /// Returns how bad the worst is that is known of the device.
    pub fn severity(&self) -> Severity {
        let chosen = if self.worst().1 { Severity::Chosen } else { Severity::Nothing };
        self.each_finding().map(|found| found.severity).fold(chosen, Severity::max)
    }

    /// Counts which contacts lookups explain.
    pub fn share(&self) -> Share {
        let mut share = Share::default();
        for contact in &self.contacts {
            let Some(explained) = contact.contact.explained() else { continue };
            share.contacts += 1;
            match explained {
                Explained::None | Explained::OtherDevice
                    if contact.purpose != Some(Purpose::Time) && !contact.contact.is_only_pinged() =>
                {
                    share.unexplained += 1;
                }
                Explained::Unknown => share.unknown += 1,
                Explained::None | Explained::OtherDevice | Explained::Lookup => {}
            }
        }
        share
    }

    /// Returns the device in one sentence: its worst finding, or what the user decided, or what is plainly harmless.
    /// `called` returns what people know an address by.
    pub fn message(&self, called: &dyn Fn(IpAddr) -> Value) -> Sentence {
        if !self.mode.is_judged() {
            return sentence!("is trusted: nobody looks at what it does");
        }
        if let Some((address, reason)) = self.block {
            return sentence!("%s is blocked: %s", address, reason.clone());
        }
        let mut findings = self.all_findings();
        findings.retain(|found| found.severity > Severity::Chosen);
        if let Some(&FindingOn { finding: worst, .. }) = findings.first() {
            let alike = findings.iter().filter(|found| found.finding.detector == worst.detector).count();
            let message = match alike - 1 {
                0 => worst.message.clone(),
                more => sentence!("%s; and %s more such", worst.message.clone(), more),
            };
            let mut others: Vec<&str> = Vec::new();
            for FindingOn { finding, .. } in findings {
                if finding.detector != worst.detector && !others.contains(&finding.detector) {
                    others.push(finding.detector);
                }
            }
            return if others.is_empty() { message } else { sentence!("%s; also: %s", message, others.join(", ")) };
        }
        if let Some(chosen) = self.chosen_sentence(called) {
            return chosen;
        }
        let outside = self.contacts.iter().filter(|contact| !contact.local);
        let outside: Vec<_> = outside.map(|contact| (contact.purpose, contact.contact.explained())).collect();
        purpose::summary_sentence(&outside)
    }

    /// Returns what the user decided about the device; absent if that changes nothing.
    fn chosen_sentence(&self, called: &dyn Fn(IpAddr) -> Value) -> Option<Sentence> {
        if self.mode.is_offline() {
            return Some(sentence!("as you chose: no Internet, except for the time"));
        }
        let chosen = |fits: fn(&JudgedContact) -> bool| {
            let mut addresses =
                self.contacts.iter().filter(|it| it.is_chosen() && fits(it)).map(|it| it.endpoint.address);
            let first = addresses.next()?;
            let others = addresses.filter(|address| *address != first).count();
            Some((called(first), others))
        };
        let blocked = chosen(|it| it.verdict.decision == Decision::Block).map(|blocked| match blocked {
            (address, 0) => sentence!("as you chose: nothing passes to or from %s", address),
            (address, more) => {
                sentence!("as you chose: nothing passes to or from %s and %s more addresses", address, more)
            }
        });
        let allowed = || {
            Some(match chosen(|it| it.verdict.decision == Decision::Allow && !it.findings.is_empty())? {
                (address, 0) => sentence!("as you chose: it may call %s", address),
                (address, more) => sentence!("as you chose: it may call %s and %s more addresses", address, more),
            })
        };
        blocked.or_else(allowed)
    }
}

impl JudgedContact<'_> {
    /// Returns whether the verdict is the user's own, by a pin or by the device's mode.
    pub fn is_chosen(&self) -> bool {
        self.verdict.by() != By::Detectors
    }
}

impl Engine {
    /// Judges a contact by what is known now.
    pub(super) fn judge_contact<'a>(
        &'a self,
        id: DeviceId,
        endpoint: Endpoint,
        contact: &'a Contact,
    ) -> JudgedContact<'a> {
        let device = self.tables.devices.get(id);
        let local = self.tables.is_inside(endpoint.address);
        let names = self.tables.names.of_device(id, endpoint.address).map(|name| &**name);
        let told = || purpose::purpose(contact.service, endpoint.port, contact.sni.as_deref(), names);
        let purpose = if contact.is_only_pinged() { Some(Purpose::OnlineCheck) } else { told() };
        let purpose = purpose.filter(|_| !local && !contact.inbound);
        let (findings, verdict) = if contact.is_out_of_scope() {
            (Vec::new(), Verdict { decision: Decision::Allow, because: Because::NothingCounts, lasts: None })
        } else {
            let findings = detect::judge(&Subject { device, id, endpoint, contact }, &self.context());
            let mode = self.settings().mode(device.mac);
            let verdict = self.verdict(id, endpoint, &findings, mode, self.latest.wall);
            (findings, verdict)
        };
        JudgedContact { endpoint, contact, local, purpose, findings, verdict }
    }

    /// Judges a device and all its contacts by what is known now. Nothing is found on a device that is trusted.
    pub(super) fn judge_device(&self, id: DeviceId) -> JudgedDevice<'_> {
        let device = self.tables.devices.get(id);
        let mode = self.settings().mode(device.mac);
        let findings = if mode.is_judged() { detect::judge_device(device, self.latest.now) } else { Vec::new() };
        let contacts = self.tables.contacts.of_device(id);
        let contacts: Vec<_> = contacts.map(|(endpoint, contact)| self.judge_contact(id, endpoint, contact)).collect();
        let found = |endpoint: Option<Endpoint>, detector: &str| {
            let all = match endpoint {
                None => &findings,
                Some(endpoint) => &contacts.iter().find(|contact| contact.endpoint == endpoint)?.findings,
            };
            all.iter().find(|finding| finding.detector == detector).map(|finding| finding.strength)
        };
        let remembered = if mode.is_judged() { self.remembered(id, found) } else { Vec::new() };
        let is_told = contacts.iter().any(|contact| contact.verdict.decision == Decision::Block);
        let mut blocks = self.blocks.of(device.mac).filter(|(_, block)| block.by == By::Detectors);
        let block = if is_told { None } else { blocks.next() };
        let block = block.map(|(address, block)| (address, &block.reason));
        JudgedDevice { id, device, mode, findings, remembered, block, contacts }
    }

    /// Returns what mode guard would decide on a contact.
    pub(super) fn guard_decision(&self, id: DeviceId, judged: &JudgedContact) -> Decision {
        if judged.contact.is_out_of_scope() {
            return Decision::Allow;
        }
        self.verdict(id, judged.endpoint, &judged.findings, Mode::Guard, self.latest.wall).decision
    }
}
