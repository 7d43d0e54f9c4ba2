//! Programs at a terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::world::{World, until};

/// A program at a terminal.
pub(crate) struct AtTerminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl AtTerminal {
    pub(crate) fn start(world: &World, arguments: &[&str]) -> Self {
        Self::run(world.command(arguments))
    }

    /// Runs `command` there, with a standard output that is not a terminal.
    pub(crate) fn run(mut command: Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        command.stdin(slave.try_clone().unwrap()).stderr(slave);
        let child = command.spawn().unwrap();
        drop(command);
        let (screen, keyboard) = (Arc::new(Mutex::new(String::new())), File::from(master));
        let (shown, mut master) = (Arc::clone(&screen), keyboard.try_clone().unwrap());
        let reader = std::thread::spawn(move || {
            let mut chunk = [0; 1024];
            // Ends when the last process closes the terminal.
            while let Ok(read) = master.read(&mut chunk) {
                shown.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk[..read]));
            }
        });
        Self { child, keyboard, screen, reader }
    }

    pub(crate) fn screen(&self) -> String {
        self.screen.lock().unwrap().clone()
    }

    pub(crate) fn until_shown(&mut self, text: &str) -> String {
        let (shown, has_ended) = until(&format!("the terminal shows {text:?}"), || {
            // Checked before reading, since the program's last output may arrive after its exit.
            let has_ended = self.reader.is_finished();
            Some((self.screen(), has_ended)).filter(|(shown, _)| has_ended || shown.contains(text))
        });
        assert!(shown.contains(text), "no {text:?} (ended: {has_ended}): {shown}");
        shown
    }

    pub(crate) fn type_line(&mut self, line: &str) {
        self.keyboard.write_all(line.as_bytes()).unwrap();
    }

    pub(crate) fn end(&mut self) -> Option<i32> {
        until("the program at the terminal ends", || self.child.try_wait().unwrap()).code()
    }
}

/// A test that failed leaves no program behind, which would keep its output open. Ctrl-C reaches what a shell runs there.
impl Drop for AtTerminal {
    fn drop(&mut self) {
        let _ = self.keyboard.write_all(b"\x03");
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
