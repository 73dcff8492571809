//! Looks at the rules that other programs have in nftables, beside the loop: a child writes them, and they are read when
//! it has ended.

use crate::api::Complaint;
use crate::live::sources::lan::Lan;
use crate::sentence;
use crate::sentence::Sentence;
use crate::time::{Span, Time};
use crate::wire::foreign_rules::{self, Concern, ForeignRules};
use crate::wire::nft::TABLE;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How many bytes of rules are read. OpenWrt's own have 60 kB, and those of programs beside them seldom more.
const MOST: u64 = 1 << 20;
/// How long nft may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long somebody who asks waits for nft, which takes 20 ms, or some hundred where it has much to list.
const PATIENCE: Duration = Duration::from_millis(500);
/// How old rules may be for somebody who asks, and for one who only counts complaints.
const FRESH: (Span, Span) = (Span::secs(2), Span::mins(5));
/// Bits of marks that may be free, the best first.
const BITS: [u32; 6] = [0x0200_0000, 0x0400_0000, 0x0800_0000, 0x0100_0000, 0x1000_0000, 0x2000_0000];

/// The rules of other programs, as they were a while ago.
#[derive(Default)]
pub struct Foreign {
    child: Option<(Child, File, Instant)>,
    found: ForeignRules,
    /// nft could not print its rules.
    failed: bool,
    read_at: Option<Time>,
}

impl Foreign {
    /// Looks at the rules if that was done too long ago, which is sooner for somebody who `asks`. A child writes them, which
    /// is waited for a moment where the loop has `patience`; else they are read the next time.
    pub fn look(&mut self, asks: bool, patience: bool, bit: u32, lan: &[String], now: Time) {
        let fresh = if asks { FRESH.0 } else { FRESH.1 };
        if self.child.is_none() && self.read_at.is_none_or(|at| now.since(at) >= fresh) {
            match start() {
                Ok((child, file)) => self.child = Some((child, file, Instant::now())),
                // Without nft nothing works, which is said elsewhere.
                Err(error) => log::debug!("the ruleset cannot be listed: {error}"),
            }
        }
        let Some((child, _, began)) = &mut self.child else { return };
        let asked = Instant::now();
        let ended = loop {
            match child.try_wait() {
                Ok(None) if began.elapsed() > TIMEOUT => {
                    let _ = (child.kill(), child.wait());
                    break Some(false);
                }
                Ok(None) if patience && asked.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(2)),
                Ok(None) => break None,
                Ok(Some(status)) => break Some(status.success()),
                Err(_) => break Some(false),
            }
        };
        if let Some(success) = ended
            && let Some((_, mut file, _)) = self.child.take()
        {
            (self.read_at, self.failed) = (Some(now), !success);
            // The child has moved the place in the file that both share.
            let mut text = Vec::new();
            if let Ok(length) = file.stream_position()
                && file.rewind().is_ok()
                && file.take(length).read_to_end(&mut text).is_ok()
            {
                self.found = foreign_rules::read(&text, &format!("inet {TABLE}"), bit, lan);
            }
        }
    }

    /// Complains about rules that keep something from leash; `bit` is that of its mark, and `answered` says whether devices
    /// got made-up addresses.
    pub fn complain(&self, bit: u32, lan: &Lan, answered: bool, complaints: &mut Vec<Complaint>) {
        if self.failed {
            complaints.push(Complaint::warning(
                sentence!("nft does not list the firewall's rules as JSON, so those that hinder leash are not noticed"),
                sentence!("install %s", "nftables-json"),
            ));
        }
        let fakes = |(concern, _): &(Concern, _)| *concern == Concern::FakeAddresses;
        let led_there = lan.has_fake_address() || self.found.concerns.iter().any(fakes);
        if led_there || answered {
            let shown = match (led_there, answered) {
                (true, true) => sentence!("its rules or interface and the answers to devices show it"),
                (true, false) => {
                    sentence!("its rules or interface show it, though no device got such an answer so far")
                }
                _ => sentence!("the answers to devices show it"),
            };
            let message = sentence!(
                "names are faked by a proxy on this router with made-up addresses (%s): addresses mean nothing, only the \
                 names do",
                "198.18.0.0/15"
            );
            complaints.push(Complaint::warning(
                message.and_then(shown),
                sentence!(
                    "go by the names, or switch the proxy from %s to real addresses (%s)",
                    "fake-ip",
                    "enhanced-mode: redir-host"
                ),
            ));
        }
        for (concern, table) in &self.found.concerns {
            let list = format!("nft list table {table}");
            let table = table.as_str();
            complaints.push(match concern {
                Concern::UseMark => {
                    let free = BITS.into_iter().find(|free| free & (self.found.marks | bit) == 0).unwrap_or(1 << 30);
                    let change = format!("uci set leash.main.mark=0x{free:08x}; uci commit leash; service leash reload");
                    Complaint::error(
                        sentence!(
                            "rules of table %s use the bit %s of conntrack's mark, with which leash stops flows, so flows \
                             may stop that nobody blocked",
                            table,
                            format!("0x{bit:08x}")
                        ),
                        Sentence::verbatim(change),
                    )
                }
                Concern::OverwriteMark => Complaint::warning(
                    sentence!(
                        "rules of table %s replace conntrack's mark as a whole, so a download that leash stopped may go on",
                        table
                    ),
                    sentence!("let them change their own bits only, as in %s", "ct mark set ct mark and 0xffffff00 or 0x1"),
                ),
                Concern::Proxy => Complaint::warning(
                    sentence!(
                        "rules of table %s give devices' connections to a proxy on this router, so names in their \
                         handshakes are not seen",
                        table
                    ),
                    sentence!("exempt the devices that you want to watch closely from the proxy, or live with it: %s", list),
                ),
                Concern::FakeAddresses => continue,
                Concern::Untracked => Complaint::warning(
                    sentence!("rules of table %s keep packets of devices from conntrack, so those are not seen", table),
                    sentence!("remove the rules that say %s: %s", "notrack", list),
                ),
                Concern::Drop => Complaint::warning(
                    sentence!("rules of table %s drop some packets of devices, so what those try there is not seen", table),
                    sentence!("look there for what was stopped: %s", list),
                ),
            });
        }
    }
}

/// Starts nft. Returns it and the file in memory that it writes to, which cannot grow beyond [`MOST`].
fn start() -> io::Result<(Child, File)> {
    let file = File::from(memfd_create("ruleset", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?);
    file.set_len(MOST)?;
    fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SHRINK))?;
    let mut nft = Command::new("nft");
    nft.args(["-j", "-t", "list", "ruleset"]).stdin(Stdio::null()).stderr(Stdio::null());
    Ok((nft.stdout(file.try_clone()?).spawn()?, file))
}
