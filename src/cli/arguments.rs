//! The commands with their arguments, and what `--help` says of them.
#![allow(missing_docs, reason = "argh shows the comments to people")]

use crate::config::HOOKS;
use argh::FromArgs;
use ipnet::IpNet;
use std::net::IpAddr;
use std::path::PathBuf;

/// leash keeps the devices of a home on a leash: it shows what they talk to and whether a DNS lookup explains it, and
/// blocks what nobody asked for. Without a command it shows the house at a glance.
#[derive(FromArgs)]
#[argh(note = "Scripts on OpenWrt have the same commands over ubus; ubus -v list leash shows them:
  ubus -S call leash decide '{{\"device\":\"bulb\",\"target\":\"203.0.113.9\",\"verdict\":\"block\",\"for\":\"1h\"}}'
With -S the exit code is ubus's status: 0 done, 2 wrong arguments, 3 no such method, 4 no such device or
target (or leash is not running), 6 not permitted, 7 no answer in time, 9 failed; the answer then says why
in its member \"error\". Without -S it is 256 minus the status where stderr is no terminal.")]
pub struct Arguments {
    /// print JSON instead of text (may stand anywhere in the line)
    #[argh(switch)]
    pub json: bool,
    /// the daemon's control socket (may stand anywhere in the line; default: /var/run/leash/socket)
    #[argh(option, arg_name = "path")]
    pub socket: Option<PathBuf>,
    /// print the version
    #[argh(switch)]
    pub version: bool,
    #[argh(subcommand)]
    pub command: Option<Command>,
}

#[derive(FromArgs)]
#[argh(subcommand)]
pub enum Command {
    Devices(DevicesCommand),
    Device(DeviceCommand),
    Explain(ExplainCommand),
    Findings(FindingsCommand),
    Blocks(BlocksCommand),
    Pins(PinsCommand),
    History(HistoryCommand),
    Report(ReportCommand),
    Watch(WatchCommand),
    Mode(ModeCommand),
    Name(NameCommand),
    Type(TypeCommand),
    Group(GroupCommand),
    Join(JoinCommand),
    Block(BlockCommand),
    Allow(AllowCommand),
    Unblock(UnblockCommand),
    Unpin(UnpinCommand),
    On(OnCommand),
    Off(OffCommand),
    Forget(ForgetCommand),
    Doctor(DoctorCommand),
    House(HouseCommand),
    Status(StatusCommand),
    Detectors(DetectorsCommand),
    Reload(ReloadCommand),
    Keep(KeepCommand),
    Notify(NotifyCommand),
    Rdap(RdapCommand),
    Run(RunCommand),
    Check(CheckCommand),
    Replay(ReplayCommand),
    Record(RecordCommand),
}

/// List the devices
#[derive(FromArgs)]
#[argh(subcommand, name = "devices")]
pub struct DevicesCommand {}

/// Show all that is known of a device
#[derive(FromArgs)]
#[argh(subcommand, name = "device")]
pub struct DeviceCommand {
    /// a MAC, an address or a name
    #[argh(positional)]
    pub device: String,
}

/// List what the detectors have found
#[derive(FromArgs)]
#[argh(subcommand, name = "findings")]
pub struct FindingsCommand {
    /// a MAC, an address or a name (default: all devices)
    #[argh(positional)]
    pub device: Option<String>,
}

/// List what is blocked: until when, why, and how much was stopped
#[derive(FromArgs)]
#[argh(subcommand, name = "blocks")]
pub struct BlocksCommand {}

/// List your own decisions
#[derive(FromArgs)]
#[argh(subcommand, name = "pins")]
pub struct PinsCommand {}

/// Show what happened recently
#[derive(FromArgs)]
#[argh(subcommand, name = "history")]
pub struct HistoryCommand {}

/// Tell what the last days brought, worst first
#[derive(FromArgs)]
#[argh(subcommand, name = "report")]
pub struct ReportCommand {
    /// how far back, in days (default: 7d; at most 90d)
    #[argh(option, arg_name = "time")]
    pub since: Option<String>,
    /// print a page of HTML, for a mail
    #[argh(switch)]
    pub html: bool,
}

/// Show what happens, as it happens
#[derive(FromArgs)]
#[argh(subcommand, name = "watch")]
pub struct WatchCommand {}

/// Set what leash may do to a device: trust, observe, guard or local; default: as the settings say for all
#[derive(FromArgs)]
#[argh(subcommand, name = "mode")]
pub struct ModeCommand {
    /// a MAC, an address or a name
    #[argh(positional)]
    pub device: String,
    /// trust, observe, guard or local; or default
    #[argh(positional)]
    pub mode: String,
}

/// Give a device a name; '' takes the name away
#[derive(FromArgs)]
#[argh(subcommand, name = "name")]
pub struct NameCommand {
    /// a MAC, an address or a name
    #[argh(positional)]
    pub device: String,
    /// the name
    #[argh(positional)]
    pub name: String,
}

/// Say what a device is: computer, phone, tablet, tv, speaker, camera, plug, light, thing, printer, router, console or
/// storage; '' takes that back
#[derive(FromArgs)]
#[argh(subcommand, name = "type")]
pub struct TypeCommand {
    /// a MAC, an address or a name
    #[argh(positional)]
    pub device: String,
    /// what it is
    #[argh(positional, arg_name = "type")]
    pub kind: String,
}

/// Put devices into a group, such as a room, or set the group's mode; '' takes devices out of theirs
#[derive(FromArgs)]
#[argh(subcommand, name = "group")]
pub struct GroupCommand {
    /// the mode of those devices of the group that have none of their own
    #[argh(option, arg_name = "mode")]
    pub mode: Option<String>,
    /// the group
    #[argh(positional)]
    pub group: String,
    /// MACs, addresses or names
    #[argh(positional)]
    pub devices: Vec<String>,
}

/// Say that a hardware address is one of another device's, which has several: it gets that one's name, mode and group
#[derive(FromArgs)]
#[argh(subcommand, name = "join")]
pub struct JoinCommand {
    /// a MAC, an address or a name
    #[argh(positional)]
    pub device: String,
    /// the device that it is one with
    #[argh(positional)]
    pub with: String,
}

/// Block an address, a prefix or a name for a device
#[derive(FromArgs)]
#[argh(subcommand, name = "block")]
pub struct BlockCommand {
    /// a MAC, an address or a name; `all` for all devices
    #[argh(positional)]
    pub device: String,
    /// an address, a prefix or a name
    #[argh(positional)]
    pub target: String,
    /// how long, such as 30m, 2h or 7d (default: for ever)
    #[argh(option, long = "for", arg_name = "time")]
    pub lasts: Option<String>,
}

/// Allow an address, a prefix or a name for a device, whatever the detectors find
#[derive(FromArgs)]
#[argh(subcommand, name = "allow")]
pub struct AllowCommand {
    /// a MAC, an address or a name; `all` for all devices
    #[argh(positional)]
    pub device: String,
    /// an address, a prefix or a name
    #[argh(positional)]
    pub target: String,
    /// how long, such as 30m, 2h or 7d (default: for ever)
    #[argh(option, long = "for", arg_name = "time")]
    pub lasts: Option<String>,
}

/// End a block and keep it from coming back
#[derive(FromArgs)]
#[argh(subcommand, name = "unblock")]
pub struct UnblockCommand {
    /// a MAC, an address or a name
    #[argh(positional)]
    pub device: String,
    /// what is blocked
    #[argh(positional)]
    pub target: String,
}

/// Take back what `block`, `allow` or `unblock` decided
#[derive(FromArgs)]
#[argh(subcommand, name = "unpin")]
pub struct UnpinCommand {
    /// a MAC, an address or a name; `all` for all devices
    #[argh(positional)]
    pub device: String,
    /// the address, prefix or name that was decided on
    #[argh(positional)]
    pub target: String,
}

/// Switch blocking on
#[derive(FromArgs)]
#[argh(subcommand, name = "on")]
pub struct OnCommand {}

/// Switch all blocking off at once
#[derive(FromArgs)]
#[argh(subcommand, name = "off")]
pub struct OffCommand {}

/// Forget what a device did
#[derive(FromArgs)]
#[argh(subcommand, name = "forget")]
pub struct ForgetCommand {
    /// a MAC, an address or a name
    #[argh(positional)]
    pub device: String,
}

/// Show what is blind or broken, and what mends it (exit code 1 if anything is)
#[derive(FromArgs)]
#[argh(subcommand, name = "doctor")]
pub struct DoctorCommand {}

/// Show the house at a glance: who can reach whom, who is asked for names, which addresses are called
#[derive(FromArgs)]
#[argh(subcommand, name = "house")]
pub struct HouseCommand {}

/// Show leash's own numbers
#[derive(FromArgs)]
#[argh(subcommand, name = "status")]
pub struct StatusCommand {}

/// List the detectors: what each looks for, and what can fool it
#[derive(FromArgs)]
#[argh(subcommand, name = "detectors")]
pub struct DetectorsCommand {}

/// Make the daemon read its settings again
#[derive(FromArgs)]
#[argh(subcommand, name = "reload")]
pub struct ReloadCommand {}

/// Write lasting orders into /etc/config/leash with uci (as root; the init script does this after each order)
#[derive(FromArgs)]
#[argh(subcommand, name = "keep")]
pub struct KeepCommand {}

/// Send what happens as /etc/config/leash-alerts says, and pass it to the programs in /etc/leash/notify.d as JSON on their
/// standard input, until interrupted
#[derive(FromArgs)]
#[argh(subcommand, name = "notify")]
pub struct NotifyCommand {
    /// try each alert once with an example, and print how it went
    #[argh(switch)]
    pub test: bool,
    /// the folder of programs (default: /etc/leash/notify.d)
    #[argh(option, arg_name = "folder", default = "HOOKS.into()")]
    pub folder: PathBuf,
    /// the settings of alerts (default: /etc/config/leash-alerts)
    #[argh(option, arg_name = "file", default = "ALERTS.into()")]
    pub alerts: PathBuf,
    /// the folder of the programs that send them (default: /usr/share/leash/notify)
    #[argh(option, arg_name = "folder", default = "SHIPPED.into()")]
    pub shipped: PathBuf,
}

const ALERTS: &str = "/etc/config/leash-alerts";
const SHIPPED: &str = "/usr/share/leash/notify";

/// Ask registries how old the names are that the house calls, until interrupted (the init script runs it: option rdap)
#[derive(FromArgs)]
#[argh(subcommand, name = "rdap")]
pub struct RdapCommand {
    /// the list of RDAP's servers (default: IANA's)
    #[argh(option, arg_name = "url", default = "SERVERS.into()")]
    pub servers: String,
    /// the file of what was asked already (default: /etc/leash/registrations)
    #[argh(option, arg_name = "file", default = "REGISTRATIONS.into()")]
    pub kept: PathBuf,
}

const SERVERS: &str = "https://data.iana.org/rdap/dns.json";
const REGISTRATIONS: &str = "/etc/leash/registrations";

/// Run the daemon until a signal ends it
#[derive(FromArgs)]
#[argh(subcommand, name = "run")]
pub struct RunCommand {
    /// the settings (default: /etc/config/leash)
    #[argh(option, arg_name = "file", default = "SETTINGS.into()")]
    pub config: PathBuf,
}

/// Check the settings (exit code 78 if anything is wrong)
#[derive(FromArgs)]
#[argh(subcommand, name = "check")]
pub struct CheckCommand {
    /// the settings (default: /etc/config/leash)
    #[argh(positional, default = "SETTINGS.into()")]
    pub file: PathBuf,
}

/// The settings of a router.
pub const SETTINGS: &str = "/etc/config/leash";

/// Report what the devices in packet captures or event files did
#[derive(FromArgs)]
#[argh(subcommand, name = "replay")]
pub struct ReplayCommand {
    /// captures (pcap, pcapng) or event files, in order of time; - is standard input, as in all commands on files
    #[argh(positional)]
    pub files: Vec<PathBuf>,
    /// list every flow, too
    #[argh(switch)]
    pub flows: bool,
    /// settings to judge by, in UCI syntax
    #[argh(option, arg_name = "file")]
    pub config: Option<PathBuf>,
    /// a prefix of the LAN; repeat for more (default: found from the traffic)
    #[argh(option, arg_name = "cidr")]
    pub lan: Vec<IpNet>,
}

/// Say why a device talks to an address, as the running daemon knows it or from a file
#[derive(FromArgs)]
#[argh(subcommand, name = "explain")]
pub struct ExplainCommand {
    /// the capture or event file to read (default: ask the running daemon)
    #[argh(option, arg_name = "file")]
    pub from: Option<PathBuf>,
    /// a MAC, an address or a name
    #[argh(positional)]
    pub device: String,
    /// the remote address
    #[argh(positional)]
    pub address: IpAddr,
    /// settings to judge by, in UCI syntax
    #[argh(option, arg_name = "file")]
    pub config: Option<PathBuf>,
    /// a prefix of the LAN; repeat for more (default: found from the traffic)
    #[argh(option, arg_name = "cidr")]
    pub lan: Vec<IpNet>,
}

/// Write events to standard output, one per line: from a file, or from the running daemon until interrupted
#[derive(FromArgs)]
#[argh(subcommand, name = "record")]
pub struct RecordCommand {
    /// the capture or event file to read (default: listen to the running daemon)
    #[argh(option, arg_name = "file")]
    pub from: Option<PathBuf>,
    /// settings with private words to look for in a capture, or those of the running daemon (default:
    /// /etc/config/leash), which are recorded with the events
    #[argh(option, arg_name = "file")]
    pub config: Option<PathBuf>,
    /// replace MACs, addresses and names, each one always by the same
    #[argh(switch)]
    pub anonymise: bool,
    /// a prefix of the LAN; repeat for more (default: found from the traffic)
    #[argh(option, arg_name = "cidr")]
    pub lan: Vec<IpNet>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::Mode;

    #[test]
    fn the_help_lists_the_modes() {
        let Err(help) = ModeCommand::from_args(&["leash", "mode"], &["--help"]) else { panic!("--help ends early") };
        assert_eq!(help.output.matches(Mode::WORDS).count(), 2, "{}", help.output);
    }
}
