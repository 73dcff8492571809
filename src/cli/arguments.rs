//! What one can write behind `leash`.
#![allow(missing_docs, reason = "argh shows the comments to people")]

use argh::FromArgs;
use ipnet::IpNet;
use std::net::IpAddr;
use std::path::PathBuf;

/// leash keeps the devices of a home on a leash: what they talk to, whether they asked for it, and what to do about
/// it. Without a command: the house at a glance.
#[derive(FromArgs)]
#[argh(note = "Scripts on OpenWrt ask the same over ubus (leash status, ubus -v list leash, README):
  ubus -S call leash decide '{{\"device\":\"bulb\",\"target\":\"203.0.113.9\",\"verdict\":\"block\",\"for\":\"1h\"}}'
-S makes the exit code the status of ubus: 0 done, 2 wrong arguments, 3 no such method,
4 no such device or target (or leash does not run), 6 you may not, 7 no answer in time, 9 it failed;
the answer then has a sentence as \"error\". Without -S, 256 less the status where stderr is no terminal.")]
pub struct Arguments {
    /// JSON instead of text (anywhere in the line)
    #[argh(switch)]
    pub json: bool,
    /// the control socket of the daemon (anywhere in the line; default: /var/run/leash/socket)
    #[argh(option, arg_name = "path")]
    pub socket: Option<PathBuf>,
    /// which leash this is
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
    Watch(WatchCommand),
    Mode(ModeCommand),
    Name(NameCommand),
    Block(BlockCommand),
    Allow(AllowCommand),
    Unblock(UnblockCommand),
    Unpin(UnpinCommand),
    On(OnCommand),
    Off(OffCommand),
    Forget(ForgetCommand),
    Doctor(DoctorCommand),
    Status(StatusCommand),
    Detectors(DetectorsCommand),
    Reload(ReloadCommand),
    Keep(KeepCommand),
    Notify(NotifyCommand),
    Run(RunCommand),
    Check(CheckCommand),
    Replay(ReplayCommand),
    Record(RecordCommand),
}

/// The devices of the house
#[derive(FromArgs)]
#[argh(subcommand, name = "devices")]
pub struct DevicesCommand {}

/// All that is known of a device
#[derive(FromArgs)]
#[argh(subcommand, name = "device")]
pub struct DeviceCommand {
    /// a MAC, an address or a name
    #[argh(positional)]
    pub device: String,
}

/// What the detectors say
#[derive(FromArgs)]
#[argh(subcommand, name = "findings")]
pub struct FindingsCommand {
    /// a MAC, an address or a name (default: all devices)
    #[argh(positional)]
    pub device: Option<String>,
}

/// What is blocked, until when, why, and what it stopped
#[derive(FromArgs)]
#[argh(subcommand, name = "blocks")]
pub struct BlocksCommand {}

/// What you decided yourself
#[derive(FromArgs)]
#[argh(subcommand, name = "pins")]
pub struct PinsCommand {}

/// What happened of late
#[derive(FromArgs)]
#[argh(subcommand, name = "history")]
pub struct HistoryCommand {}

/// What happens, as it happens
#[derive(FromArgs)]
#[argh(subcommand, name = "watch")]
pub struct WatchCommand {}

/// Say what may be done to a device: trust, observe, guard or local
#[derive(FromArgs)]
#[argh(subcommand, name = "mode")]
pub struct ModeCommand {
    /// a MAC, an address or a name
    #[argh(positional)]
    pub device: String,
    /// trust, observe, guard or local
    #[argh(positional)]
    pub mode: String,
}

/// Say what people call a device; '' takes the name away
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

/// Allow an address, a prefix or a name for a device, whatever the detectors say
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

/// End a block, and keep it from coming back
#[derive(FromArgs)]
#[argh(subcommand, name = "unblock")]
pub struct UnblockCommand {
    /// a MAC, an address or a name
    #[argh(positional)]
    pub device: String,
    /// what was blocked
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
    /// what it was decided on
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

/// What is blind or broken, and what mends it (exit code 1 when something is)
#[derive(FromArgs)]
#[argh(subcommand, name = "doctor")]
pub struct DoctorCommand {}

/// How leash is, in numbers
#[derive(FromArgs)]
#[argh(subcommand, name = "status")]
pub struct StatusCommand {}

/// What is looked for, and what fools it
#[derive(FromArgs)]
#[argh(subcommand, name = "detectors")]
pub struct DetectorsCommand {}

/// Let the daemon read its settings again
#[derive(FromArgs)]
#[argh(subcommand, name = "reload")]
pub struct ReloadCommand {}

/// Write the orders that are to last into /etc/config/leash, with uci (as root; the init script does it after each order)
#[derive(FromArgs)]
#[argh(subcommand, name = "keep")]
pub struct KeepCommand {}

/// Give what happens to the programs in /etc/leash/notify.d, as JSON on their standard input, until interrupted
#[derive(FromArgs)]
#[argh(subcommand, name = "notify")]
pub struct NotifyCommand {
    /// call each once with an example, and say how it went
    #[argh(switch)]
    pub test: bool,
    /// the folder of programs (default: /etc/leash/notify.d)
    #[argh(option, arg_name = "folder", default = "HOOKS.into()")]
    pub folder: PathBuf,
}

const HOOKS: &str = "/etc/leash/notify.d";

/// Be the daemon, until a signal ends it
#[derive(FromArgs)]
#[argh(subcommand, name = "run")]
pub struct RunCommand {
    /// the settings (default: /etc/config/leash)
    #[argh(option, arg_name = "file", default = "SETTINGS.into()")]
    pub config: PathBuf,
}

/// Say what is wrong with the settings (exit code 78 when something is)
#[derive(FromArgs)]
#[argh(subcommand, name = "check")]
pub struct CheckCommand {
    /// the settings (default: /etc/config/leash)
    #[argh(positional, default = "SETTINGS.into()")]
    pub file: PathBuf,
}

const SETTINGS: &str = "/etc/config/leash";

/// Report what the devices in packet captures or event files did
#[derive(FromArgs)]
#[argh(subcommand, name = "replay")]
pub struct ReplayCommand {
    /// captures (pcap, pcapng) or event files, in the order of time
    #[argh(positional)]
    pub files: Vec<PathBuf>,
    /// every flow too
    #[argh(switch)]
    pub flows: bool,
    /// settings to judge by, in UCI syntax
    #[argh(option, arg_name = "file")]
    pub config: Option<PathBuf>,
    /// a prefix of the LAN; repeat for more (default: found from the traffic)
    #[argh(option, arg_name = "cidr")]
    pub lan: Vec<IpNet>,
}

/// Say why a device talks to an address: of the running daemon, or of a file
#[derive(FromArgs)]
#[argh(subcommand, name = "explain")]
pub struct ExplainCommand {
    /// the capture or event file to look into (default: the running daemon)
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

/// Write events to standard output, a line each: of a file, or of the running daemon until interrupted
#[derive(FromArgs)]
#[argh(subcommand, name = "record")]
pub struct RecordCommand {
    /// the capture or event file to read (default: the running daemon)
    #[argh(option, arg_name = "file")]
    pub from: Option<PathBuf>,
    /// settings with the words that are private, where a capture is read
    #[argh(option, arg_name = "file")]
    pub config: Option<PathBuf>,
    /// replace MACs, addresses and names, the same by the same
    #[argh(switch)]
    pub anonymise: bool,
    /// a prefix of the LAN; repeat for more (default: found from the traffic)
    #[argh(option, arg_name = "cidr")]
    pub lan: Vec<IpNet>,
}
