//! Lists, networks and vendors: files that are read when they came, changed or went.

use crate::config::{self, DaemonConfig};
use crate::engine::Engine;
use crate::limits;
use crate::model::Mac;
use crate::reference::lists::{Lists, Reader};
use crate::reference::networks::Networks;
use crate::reference::vendors;
use crate::time::Stamp;
use std::collections::BinaryHeap;
use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// By what a file is known to be another.
type Mark = (PathBuf, Option<SystemTime>, u64);

/// What was read, and what is wrong with it.
#[derive(Default)]
pub struct Reference {
    lists: Option<Vec<Mark>>,
    networks: Option<Mark>,
    vendors: Option<Mark>,
    /// Sentences: what is wrong with a list, and with the files of networks and of vendors.
    wrong: [Vec<String>; 3],
}

impl Reference {
    /// Reads anew what is not as it was.
    pub fn look(&mut self, engine: &mut Engine, at: Stamp) {
        let daemon = &engine.config().daemon;
        let files = list_files(daemon);
        let there = |folder: PathBuf| (folder.is_dir(), folder);
        let marks = folders(daemon).0.into_iter().map(there).map(|(is, folder)| (folder, None, is.into()));
        let marks: Vec<Mark> = marks.chain(files.iter().map(|path| mark(path))).collect();
        let must = daemon.networks.is_some();
        let networks = file(&daemon.networks, config::NETWORKS).map(|path| mark(&path));
        let vendors = file(&daemon.vendors, config::VENDORS).map(|path| mark(&path));
        if self.lists.as_ref() != Some(&marks) {
            let (lists, wrong) = read_lists(daemon, &files);
            log::info!("{} entries of {} lists", lists.len(), lists.sources().len());
            self.lists = Some(marks);
            self.say(0, wrong);
            engine.set_lists(lists, at);
        }
        if self.networks != networks {
            self.networks = networks.clone();
            match networks.map(|(path, ..)| read_networks(&path, must)).transpose() {
                Ok(networks) => {
                    self.say(1, Vec::new());
                    engine.set_networks(networks.flatten(), at);
                }
                // An older one that was good stays.
                Err(says) => self.say(1, vec![says]),
            }
        }
        if self.vendors != vendors {
            self.vendors = vendors;
            let macs = engine.macs();
            self.introduce(engine, &macs);
        }
    }

    /// Finds out who made these devices.
    pub fn introduce(&mut self, engine: &mut Engine, macs: &[Mac]) {
        let daemon = &engine.config().daemon;
        let (path, must) = (file(&daemon.vendors, config::VENDORS), daemon.vendors.is_some());
        let name = |file: Vec<u8>| vendors::find(&file, macs, &mut |mac, vendor| engine.set_vendor(mac, vendor));
        let read = path.map(|path| read("vendors", &path, must, limits::VENDORS_FILE_BYTES, name));
        self.say(2, read.and_then(Result::err).into_iter().collect());
    }

    fn say(&mut self, of: usize, wrong: Vec<String>) {
        let new = |says: &&String| !self.wrong[of].contains(says);
        wrong.iter().filter(new).for_each(|says| log::warn!("{says}"));
        self.wrong[of] = wrong;
    }

    /// What is wrong, and what mends it.
    pub fn complaints(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let mends = [
            "correct the file, or remove it; each line is an address, a prefix or a name",
            "make it anew with tests/tools/make_networks.py, or remove it",
            "make it anew with tests/tools/make_vendors.py, or remove it",
        ];
        self.wrong.iter().zip(mends).flat_map(|(all, mend)| all.iter().map(move |says| (says.as_str(), mend)))
    }
}

/// The file that the settings name, or what ships; none where they name the empty one.
fn file(named: &Option<PathBuf>, ships: &str) -> Option<PathBuf> {
    let path = named.clone().unwrap_or_else(|| ships.into());
    Some(path).filter(|path| !path.as_os_str().is_empty())
}

fn mark(path: &Path) -> Mark {
    let data = fs::metadata(path).ok();
    (path.into(), data.as_ref().and_then(|data| data.modified().ok()), data.as_ref().map_or(0, Metadata::len))
}

/// The folders, and whether they have to be there.
fn folders(daemon: &DaemonConfig) -> (Vec<PathBuf>, bool) {
    match &daemon.lists {
        Some(folders) => (folders.clone(), true),
        None => (config::LISTS.map(PathBuf::from).into(), false),
    }
}

/// The files in the folders, those of a folder by name. Hidden ones, and what editors and downloads leave, are none.
fn list_files(daemon: &DaemonConfig) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in folders(daemon).0 {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        let is_list = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let left = ["~", ".tmp", ".part", ".md"].iter().any(|end| name.ends_with(end));
            !name.starts_with('.') && !left && path.is_file()
        };
        let own: BinaryHeap<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_list).collect();
        files.extend(own.into_sorted_vec());
    }
    files
}

/// Opens a file that is not too large.
fn open(path: &Path, most: u64) -> io::Result<File> {
    let file = File::open(path)?;
    let data = file.metadata()?;
    if !data.is_file() || data.len() > most {
        return Err(io::Error::other(format!("it is not a file of at most {} MB", most >> 20)));
    }
    Ok(file)
}

fn read_lists(daemon: &DaemonConfig, files: &[PathBuf]) -> (Lists, Vec<String>) {
    let (mut reader, mut wrong, mut names) = (Reader::default(), Vec::new(), Vec::new());
    if let (folders, true) = folders(daemon) {
        let lacks = folders.iter().filter(|folder| !folder.is_dir());
        wrong.extend(lacks.map(|folder| format!("the folder of lists {} is not there", folder.display())));
    }
    for path in files {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let result = open(path, limits::LIST_FILE_BYTES).and_then(|file| {
            let had = reader.lists().sources().len();
            let result = reader.read(&stem, BufReader::new(file));
            names.extend((reader.lists().sources().len() > had).then_some(path));
            result
        });
        if let Err(error) = result {
            wrong.push(format!("the list {} cannot be read: {error}", path.display()));
        }
    }
    let lists = reader.finish();
    for (path, source) in names.iter().zip(lists.sources()) {
        let path = path.display();
        match source.wrong {
            Some((line, why)) if source.entries == 0 => {
                wrong.push(format!("the list {path} has no line that can be read; line {line} {why}"));
            }
            Some((line, why)) => {
                log::info!("{path}: {} lines are passed over; line {line} {why}", source.refused);
            }
            None => {}
        }
        if source.no_room > 0 {
            let most = limits::LIST_ENTRIES;
            wrong.push(format!("of the list {path} {} entries do not fit: {most} is the most", source.no_room));
        }
    }
    (lists, wrong)
}

/// What `take` makes of a whole file; nothing of one that is absent and need not be there.
fn read<T>(
    what: &str,
    path: &Path,
    must: bool,
    most: u64,
    take: impl FnOnce(Vec<u8>) -> Result<T, String>,
) -> Result<Option<T>, String> {
    let wrong = |says: String| format!("the file of {what} {} cannot be used: {says}", path.display());
    match whole(path, most) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !must => Ok(None),
        Err(error) => Err(wrong(error.to_string())),
        Ok(bytes) => take(bytes).map(Some).map_err(wrong),
    }
}

fn whole(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open(path, most)?;
    let length = file.metadata().map_or(0, |data| data.len());
    let mut bytes = Vec::new();
    bytes.reserve_exact(usize::try_from(length).unwrap_or(0) + 1);
    file.take(most).read_to_end(&mut bytes)?;
    bytes.shrink_to_fit();
    Ok(bytes)
}

fn read_networks(path: &Path, must: bool) -> Result<Option<Networks>, String> {
    read("networks", path, must, limits::NETWORKS_FILE_BYTES, Networks::read)
}

/// What settings name for a replay, and a sentence for each thing that is wrong.
pub fn of_settings(engine: &mut Engine, at: Stamp) -> Vec<String> {
    let daemon = engine.config().daemon.clone();
    let mut all = Vec::new();
    if daemon.lists.is_some() {
        let files = list_files(&daemon);
        let (lists, wrong) = read_lists(&daemon, &files);
        all.extend(wrong);
        engine.set_lists(lists, at);
    }
    if let Some(path) = daemon.networks.filter(|path| !path.as_os_str().is_empty()) {
        match read_networks(&path, true) {
            Ok(networks) => engine.set_networks(networks, at),
            Err(says) => all.push(says),
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
        let mut engine = reads(&shipped.join("files/usr/share/leash/lists"), &file);
        assert_eq!(of_settings(&mut engine, Stamp::default()), Vec::<String>::new());
        let (lists, networks) = (engine.lists(), engine.networks().unwrap());
        assert!(lists.len() > 800 && networks.len() > 30_000);
        for source in lists.sources() {
            assert_eq!((source.refused, source.no_room), (0, 0), "{source:?}");
        }
        let networks_bytes = fs::metadata(file).unwrap().len() as usize;
        let bytes = lists.bytes() + networks_bytes;
        assert!(bytes <= limits::SHIPPED_BYTES, "{bytes}");
        let of = |ip: &str| networks.of(ip.parse().unwrap()).map(|network| (network.asn, network.hosting));
        assert_eq!((of("1.1.1.1"), of("2606:4700::1111")), (Some((13_335, true)), Some((13_335, true))));
        assert_eq!((of("203.0.113.9"), of("2001:db8::1")), (None, None));
        let title = |name| lists.name(name).map(|(_, listed)| listed.title);
        assert_eq!(title("x.catmore88.com"), Some("BADBOX, Vo1d and Kimwolf"));
        for fine in ["www.google.com", "github.com", "cdn.cloudflare.net", "ntp.org", "openwrt.org", "example.com"] {
            assert_eq!(title(fine), None, "{fine}");
        }
    }

    #[test]
    fn a_device_is_told_by_its_maker() {
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
        reference.look(&mut engine, Stamp::default());
        assert_eq!(vendor(&engine), None);
        let says: Vec<&str> = reference.complaints().map(|(says, _)| says).collect();
        assert!(says.iter().any(|says| says.contains("it is damaged at byte 16")), "{says:?}");
        fs::write(&path, b"leash vendors 1\n\x03Ohm\x01\x01").unwrap();
        reference.look(&mut engine, Stamp::default());
        assert_eq!(vendor(&engine).as_deref(), Some("Ohm"));
        assert!(reference.complaints().all(|(says, _)| !says.contains("vendors")));
        // One that comes later is told when it comes; a forgotten one keeps it.
        let (lamp, ip) = (Mac([0, 0, 1, 8, 8, 8]), "192.168.8.21".parse().unwrap());
        engine.handle(Event::Neighbour { ip, mac: lamp }, Stamp::default());
        reference.introduce(&mut engine, &[lamp]);
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
        let mut look = |engine: &mut Engine| {
            reference.look(engine, Stamp::default());
            reference.complaints().map(|(says, _)| says.to_string()).collect::<Vec<_>>().join("\n")
        };
        let says = look(&mut engine);
        assert!(says.contains("lists is not there") && says.contains("networks cannot be used"), "{says}");
        fs::create_dir_all(&lists).unwrap();
        fs::write(lists.join("mine.list"), "bad.example\n").unwrap();
        fs::write(lists.join(".hidden"), "hidden.example").unwrap();
        fs::write(&networks, "nonsense").unwrap();
        let says = look(&mut engine);
        assert!(!says.contains("lists") && says.contains("is not a file of networks"), "{says}");
        assert_eq!(engine.lists().name("a.bad.example").unwrap().1.title, "mine");
        assert_eq!(engine.lists().len(), 1);
        fs::write(lists.join("broken.list"), [0xff, 0xfe, b'\n', 0]).unwrap();
        let mut whole = fs::File::options().write(true).open(lists.join("mine.list")).unwrap();
        io::Write::write_all(&mut whole, b"odd.example\n").unwrap();
        whole.set_modified(SystemTime::now() + Duration::from_secs(9)).unwrap();
        fs::remove_file(&networks).unwrap();
        let says = look(&mut engine);
        assert!(says.contains("broken.list has no line that can be read; line 1 is not text"), "{says}");
        assert!(engine.lists().name("bad.example").is_none() && engine.lists().name("odd.example").is_some());
        fs::remove_dir_all(&folder).unwrap();
        look(&mut engine);
        assert!(engine.lists().is_empty());
    }
}
