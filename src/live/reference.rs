//! Lists, networks and vendors: reference files which are read again when they change.

use crate::api::Complaint;
use crate::config::{self, DaemonConfig};
use crate::engine::Engine;
use crate::limits;
use crate::live::files;
use crate::model::Mac;
use crate::reference::lists::{Lists, Reader};
use crate::reference::networks::{Bytes, Networks};
use crate::reference::vendors;
use crate::sentence;
use crate::sentence::Sentence;
use crate::time::Stamp;
use std::collections::BinaryHeap;
use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What tells a changed file from the one that was read: its path, the time of its last change, its length and its inode.
type FileVersion = (PathBuf, Option<SystemTime>, u64, u64);

/// The kinds of reference files.
#[derive(Clone, Copy)]
enum Kind {
    Lists,
    Networks,
    Vendors,
}

/// The versions of the files that were read, and what is wrong with them.
#[derive(Default)]
pub struct Reference {
    lists: Option<Vec<FileVersion>>,
    networks: Option<FileVersion>,
    vendors: Option<FileVersion>,
    /// By [`Kind`].
    problems: [Vec<Sentence>; 3],
}

impl Reference {
    /// Reads the files that came or changed since the last call, and gives the engine what they say. What was read from a
    /// file that is gone is forgotten.
    pub fn refresh(&mut self, engine: &mut Engine, at: Stamp) {
        let daemon = &engine.config().daemon;
        let files = list_files(daemon);
        let folder = |folder: PathBuf| (folder.is_dir(), folder);
        let folders =
            folders(daemon).0.into_iter().map(folder).map(|(exists, folder)| (folder, None, exists.into(), 0));
        let lists: Vec<FileVersion> = folders.chain(files.iter().map(|path| version(path))).collect();
        let required = daemon.networks.is_some();
        let networks = file(&daemon.networks, config::NETWORKS).map(|path| version(&path));
        let vendors = file(&daemon.vendors, config::VENDORS).map(|path| version(&path));
        if self.lists.as_ref() != Some(&lists) {
            self.lists = Some(lists);
            let problems = take_lists(engine, at);
            self.set_problems(Kind::Lists, problems);
        }
        if self.networks != networks {
            let before = std::mem::replace(&mut self.networks, networks.clone());
            // What was opened before stays in use where another file took its place, and not where it was written over.
            let stays = before.zip(networks.as_ref()).is_some_and(|(before, now)| before.3 != now.3);
            match networks.map(|(path, ..)| open_networks(&path, required)).transpose() {
                Ok(networks) => {
                    self.set_problems(Kind::Networks, Vec::new());
                    engine.set_networks(networks.flatten(), at);
                }
                Err(problem) => {
                    self.set_problems(Kind::Networks, vec![problem]);
                    if !stays {
                        engine.set_networks(None, at);
                    }
                }
            }
        }
        if self.vendors != vendors {
            self.vendors = vendors;
            let macs = engine.macs();
            self.set_vendors(engine, &macs);
        }
    }

    /// Looks up who made these devices, and tells the engine.
    pub fn set_vendors(&mut self, engine: &mut Engine, macs: &[Mac]) {
        let daemon = &engine.config().daemon;
        let (path, required) = (file(&daemon.vendors, config::VENDORS), daemon.vendors.is_some());
        let mut find = |file: Vec<u8>| vendors::find(&file, macs, &mut |mac, vendor| engine.set_vendor(mac, vendor));
        let failed = |path, error| sentence!("the file of vendors %s cannot be used: %s", path, error);
        let read = path.map(|path| {
            let bytes = read_bytes(&path, limits::VENDORS_FILE_BYTES);
            outcome(&path, required, bytes.and_then(|file| find(file).map_err(io::Error::other)), failed)
        });
        self.set_problems(Kind::Vendors, read.and_then(Result::err).into_iter().collect());
    }

    fn set_problems(&mut self, kind: Kind, problems: Vec<Sentence>) {
        let known = &mut self.problems[kind as usize];
        problems.iter().filter(|problem| !known.contains(problem)).for_each(|problem| log::warn!("{problem}"));
        *known = problems;
    }

    /// Returns what doctor says of the files.
    pub fn complaints(&self) -> impl Iterator<Item = Complaint> {
        let complain = |kind: Kind, remedy: fn() -> Sentence| {
            self.problems[kind as usize].iter().map(move |problem| Complaint::warning(problem.clone(), remedy()))
        };
        complain(Kind::Lists, || {
            sentence!("correct the file, each line of which is an address, a prefix or a name, or remove it")
        })
        .chain(complain(Kind::Networks, || reinstall("tests/tools/make_networks.py")))
        .chain(complain(Kind::Vendors, || reinstall("tests/tools/make_vendors.py")))
    }
}

fn reinstall(tool: &'static str) -> Sentence {
    sentence!("reinstall %s, make the file again with %s, or remove it", "leash-networks", tool)
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

/// Returns the file that the settings name, else the one that ships; none where they name the empty path.
fn file(named: &Option<PathBuf>, shipped: &str) -> Option<PathBuf> {
    let path = named.clone().unwrap_or_else(|| shipped.into());
    Some(path).filter(|path| !path.as_os_str().is_empty())
}

fn version(path: &Path) -> FileVersion {
    let data = fs::metadata(path).ok();
    let modified = data.as_ref().and_then(|data| data.modified().ok());
    (path.into(), modified, data.as_ref().map_or(0, Metadata::len), data.as_ref().map_or(0, Metadata::ino))
}

/// Returns the folders of lists, and whether they must exist.
fn folders(daemon: &DaemonConfig) -> (Vec<PathBuf>, bool) {
    match &daemon.lists {
        Some(folders) => (folders.clone(), true),
        None => (config::LISTS.map(PathBuf::from).into(), false),
    }
}

/// Returns the lists in the folders, those of one folder by name. Hidden files are none, nor is what editors and downloads
/// leave behind.
fn list_files(daemon: &DaemonConfig) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in folders(daemon).0 {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        let is_list = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let leftover = ["~", ".tmp", ".part", ".md"].iter().any(|end| name.ends_with(end));
            !name.starts_with('.') && !leftover && path.is_file()
        };
        let own: BinaryHeap<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_list).collect();
        files.extend(own.into_sorted_vec());
    }
    files
}

/// Opens a file of at most `max` bytes.
fn open(path: &Path, max: u64) -> io::Result<File> {
    let file = files::open(path)?;
    let data = file.metadata()?;
    if !data.is_file() || data.len() > max {
        return Err(io::Error::other(format!("it is not a file of at most {} MB", max >> 20)));
    }
    Ok(file)
}

/// Reads the lists, which warn, and the categories, which tell what names are for, and gives both to the engine. Returns
/// what is wrong with them.
fn take_lists(engine: &mut Engine, at: Stamp) -> Vec<Sentence> {
    let daemon = &engine.config().daemon;
    let is_category = |path: &PathBuf| path.extension().is_some_and(|end| end == "category");
    let (categories, lists): (Vec<_>, Vec<_>) = list_files(daemon).into_iter().partition(is_category);
    let mut problems = Vec::new();
    if let (folders, true) = folders(daemon) {
        let absent = folders.iter().filter(|folder| !folder.is_dir());
        problems.extend(absent.map(|folder| sentence!("the folder of lists %s does not exist", display(folder))));
    }
    let [lists, categories] = [lists, categories].map(|files| read_lists(&files, &mut problems));
    log::info!("{} entries of {} lists, {} names by category", lists.len(), lists.all().len(), categories.len());
    engine.set_categories(categories);
    engine.set_lists(lists, at);
    problems
}

fn read_lists(files: &[PathBuf], problems: &mut Vec<Sentence>) -> Lists {
    let (mut reader, mut names) = (Reader::default(), Vec::new());
    for path in files {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let result = open(path, limits::LIST_FILE_BYTES).and_then(|file| {
            let before = reader.so_far().all().len();
            let result = reader.read(&stem, BufReader::new(file));
            names.extend((reader.so_far().all().len() > before).then_some(path));
            result
        });
        if let Err(error) = result {
            problems.push(sentence!("the list %s cannot be read: %s", display(path), error.to_string()));
        }
    }
    let lists = reader.finish();
    for (path, source) in names.iter().zip(lists.all()) {
        match source.first_refused {
            Some((line, why)) if source.entries == 0 => problems.push(sentence!(
                "the list %s has no line that can be read; line %s %s",
                display(path),
                line,
                why
            )),
            Some((line, why)) => problems.push(sentence!(
                "%s lines of the list %s are ignored, such as line %s, which %s",
                source.refused,
                display(path),
                line,
                why
            )),
            None => {}
        }
        if source.no_room > 0 {
            let (refused, max) = (source.no_room, limits::LIST_ENTRIES);
            problems.push(sentence!(
                "%s entries of the list %s do not fit: leash holds at most %s",
                refused,
                display(path),
                max
            ));
        }
    }
    lists
}

/// Returns what came of a file; nothing where it is absent and not required.
///
/// # Errors
/// What `failed` makes of the path and of the reason why the file is of no use.
fn outcome<T>(
    path: &Path,
    required: bool,
    result: io::Result<T>,
    failed: impl Fn(String, String) -> Sentence,
) -> Result<Option<T>, Sentence> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !required => Ok(None),
        Err(error) => Err(failed(display(path), error.to_string())),
        Ok(found) => Ok(Some(found)),
    }
}

fn read_bytes(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let file = open(path, max)?;
    let length = file.metadata().map_or(0, |data| data.len());
    let mut bytes = Vec::new();
    bytes.reserve_exact(usize::try_from(length).unwrap_or(0) + 1);
    file.take(max).read_to_end(&mut bytes)?;
    bytes.shrink_to_fit();
    Ok(bytes)
}

/// A file of networks, which is searched where it lies: on flash, and in the kernel's cache of it.
#[derive(Debug)]
struct InPlace {
    file: File,
    length: usize,
}

impl Bytes for InPlace {
    fn length(&self) -> usize {
        self.length
    }

    fn read(&self, at: usize, into: &mut [u8]) -> Option<()> {
        self.file.read_exact_at(into, u64::try_from(at).ok()?).ok()
    }
}

fn open_networks(path: &Path, required: bool) -> Result<Option<Networks>, Sentence> {
    let networks = open(path, limits::NETWORKS_FILE_BYTES).and_then(|file| {
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
        Networks::open(Box::new(InPlace { file, length })).map_err(io::Error::other)
    });
    outcome(path, required, networks, |path, error| {
        sentence!("the file of networks %s cannot be used: %s", path, error)
    })
}

/// Reads the lists and networks that the settings name, for a replay. Returns what is wrong with them.
pub fn load_named(engine: &mut Engine, at: Stamp) -> Vec<Sentence> {
    let daemon = engine.config().daemon.clone();
    let mut all = Vec::new();
    if daemon.lists.is_some() {
        all.extend(take_lists(engine, at));
    }
    if let Some(path) = daemon.networks.filter(|path| !path.as_os_str().is_empty()) {
        match open_networks(&path, true) {
            Ok(networks) => engine.set_networks(networks, at),
            Err(problem) => all.push(problem),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::event::Event;
    use std::time::Duration;

    fn reads(lists: &Path, networks: &Path) -> Engine {
        let mut config = Config::default();
        config.daemon.lists = Some(vec![lists.into()]);
        config.daemon.networks = Some(networks.into());
        Engine::new(config)
    }

    #[test]
    fn what_ships_is_read_whole_and_fits_the_budget() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("openwrt");
        let file = shipped.join("networks/usr/share/leash/networks");
        let mut engine = reads(&shipped.join("lists/usr/share/leash/lists"), &file);
        assert_eq!(load_named(&mut engine, Stamp::default()), []);
        let (lists, networks) = (engine.lists(), engine.networks().unwrap());
        assert!(lists.len() > 800 && networks.ranges() > 150_000);
        let categories = engine.categories();
        for source in lists.all().iter().chain(categories.all()) {
            assert_eq!((source.refused, source.no_room), (0, 0), "{source:?}");
        }
        let bytes = lists.bytes() + categories.bytes() + networks.bytes();
        assert!(bytes <= limits::SHIPPED_BYTES, "{bytes}");
        let of = |ip: &str| networks.of(ip.parse().unwrap());
        for (ip, asn, owner, cloud, region, country) in [
            ("1.1.1.1", 13_335, "Cloudflare", "", "", None),
            ("2606:4700::1111", 13_335, "Cloudflare", "", "", None),
            ("34.208.10.1", 16_509, "Amazon", "Amazon EC2", "Oregon", Some("US")),
            ("2a05:d014::1", 16_509, "Amazon", "Amazon EC2", "Frankfurt", Some("DE")),
            ("20.43.44.160", 8_075, "Microsoft", "Azure IoT Hub", "Paris", Some("FR")),
            ("103.102.166.224", 14_907, "Wikimedia", "", "", Some("US")),
        ] {
            let network = of(ip).unwrap();
            let told = (network.asn, &*network.owner, &*network.cloud, &*network.region, network.country());
            assert_eq!(told, (Some(asn), owner, cloud, region, country), "{ip}");
        }
        let (cdn, home) = (of("151.101.1.1").unwrap(), of("84.112.1.1").unwrap());
        assert_eq!((cdn.hosting, cdn.cdn, home.hosting, home.cdn), (true, true, false, false));
        assert_eq!((of("203.0.113.9"), of("2001:db8::1")), (None, None));
        let title = |name| lists.name(name).map(|(_, listed)| listed.title);
        assert_eq!(title("x.catmore88.com"), Some("BADBOX, Vo1d and Kimwolf"));
        for kit in
            ["proxyjs.brdtnet.com", "clientsdk.bright-sdk.com", "x.luminatinet.com", "perr.l-agent.me", "l-err.biz"]
        {
            assert_eq!(title(kit), Some("Proxyware: apps that rent out the line"), "{kit}");
        }
        let category = |name| categories.name(name).map(|(_, listed)| listed.title);
        for (name, word) in [
            ("stats.g.doubleclick.net", Some("advertising")),
            ("o1.ingest.sentry.io", Some("telemetry")),
            ("2.openwrt.pool.ntp.org", Some("time")),
            ("mesu.apple.com", Some("update")),
            ("api.ipify.org", Some("own-address")),
            ("ifconfig.me", Some("own-address")),
            ("ipv4.icanhazip.com", Some("own-address")),
            ("www.example.com", None),
            ("httpbin.org", None),
        ] {
            assert_eq!(category(name), word, "{name}");
        }
        for fine in ["www.google.com", "github.com", "cdn.cloudflare.net", "ntp.org", "openwrt.org", "example.com"] {
            assert_eq!(title(fine), None, "{fine}");
        }
    }

    #[test]
    fn a_device_gets_its_vendor() {
        let path = std::env::temp_dir().join(format!("leash-vendors-{}", std::process::id()));
        let mut config = Config::default();
        config.daemon.lists = Some(Vec::new());
        config.daemon.networks = Some(PathBuf::new());
        config.daemon.vendors = Some(path.clone());
        let mut engine = Engine::new(config);
        let (plug, ip) = (Mac([0, 0, 1, 9, 9, 9]), "192.168.8.20".parse().unwrap());
        engine.handle(Event::Neighbour { ip, mac: plug }, Stamp::default());
        let vendor = |engine: &Engine| engine.devices().next().unwrap()["vendor"].as_str().map(String::from);
        let mut reference = Reference::default();
        fs::write(&path, b"leash vendors 1\n\x04Ohm\n\x01\x01").unwrap();
        reference.refresh(&mut engine, Stamp::default());
        assert_eq!(vendor(&engine), None);
        let complaints: Vec<String> = reference.complaints().map(|complaint| complaint.message.to_string()).collect();
        assert!(complaints[0].contains("it is damaged at byte 16"), "{complaints:?}");
        fs::write(&path, b"leash vendors 1\n\x03Ohm\x01\x01").unwrap();
        reference.refresh(&mut engine, Stamp::default());
        assert_eq!(vendor(&engine).as_deref(), Some("Ohm"));
        assert_eq!(reference.complaints().count(), 0);
        // A device that comes later gets its vendor at once; a forgotten one keeps it.
        let (lamp, ip) = (Mac([0, 0, 1, 8, 8, 8]), "192.168.8.21".parse().unwrap());
        engine.handle(Event::Neighbour { ip, mac: lamp }, Stamp::default());
        reference.set_vendors(&mut engine, &[lamp]);
        let id = engine.find(&lamp.to_string()).unwrap();
        engine.forget(id, Stamp::default());
        assert!(engine.devices().all(|device| device["vendor"] == "Ohm"));
        let history = engine.history();
        assert!(
            history
                .iter()
                .filter(|record| record["kind"] == "device")
                .all(|record| record["message"] == "a new device, made by Ohm")
        );
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_change_of_the_files_is_seen_and_damage_is_said() {
        let folder = std::env::temp_dir().join(format!("leash-reference-{}", std::process::id()));
        let (lists, networks) = (folder.join("lists"), folder.join("networks"));
        fs::create_dir_all(&folder).unwrap();
        let mut engine = reads(&lists, &networks);
        let mut reference = Reference::default();
        let mut refresh = |engine: &mut Engine| {
            reference.refresh(engine, Stamp::default());
            reference.complaints().map(|complaint| complaint.message.to_string()).collect::<Vec<_>>().join("\n")
        };
        let problems = refresh(&mut engine);
        assert!(
            problems.contains("lists does not exist") && problems.contains("networks cannot be used"),
            "{problems}"
        );
        fs::create_dir_all(&lists).unwrap();
        fs::write(lists.join("mine.list"), "bad.example\n").unwrap();
        fs::write(lists.join(".hidden"), "hidden.example").unwrap();
        fs::write(&networks, "nonsense").unwrap();
        let problems = refresh(&mut engine);
        assert!(!problems.contains("lists") && problems.contains("is not a file of networks"), "{problems}");
        assert_eq!(engine.lists().name("a.bad.example").unwrap().1.title, "mine");
        assert_eq!(engine.lists().len(), 1);
        fs::write(lists.join("mine.list"), "bad.example\nodd.example/path\n").unwrap();
        let problems = refresh(&mut engine);
        assert!(problems.contains("1 lines of the list") && problems.contains("such as line 2"), "{problems}");
        fs::write(lists.join("broken.list"), [0xff, 0xfe, b'\n', 0]).unwrap();
        let mut whole = fs::File::options().write(true).open(lists.join("mine.list")).unwrap();
        io::Write::write_all(&mut whole, b"odd.example\n").unwrap();
        whole.set_modified(SystemTime::now() + Duration::from_secs(9)).unwrap();
        fs::remove_file(&networks).unwrap();
        let problems = refresh(&mut engine);
        assert!(problems.contains("broken.list has no line that can be read; line 1 is not text"), "{problems}");
        assert!(engine.lists().name("bad.example").is_none() && engine.lists().name("odd.example").is_some());
        fs::remove_dir_all(&folder).unwrap();
        refresh(&mut engine);
        assert!(engine.lists().is_empty());
    }
}
