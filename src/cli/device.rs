//! `ringback login --device`: the user types a code into a browser on any device (RFC 8628 §3.3).

use std::io::{self, IsTerminal as _};

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

use super::report;
use crate::contract::DevicePrompt;
use crate::log::colour;

/// Shows the address and the code to enter there.
pub(super) fn show(prompt: &DevicePrompt) {
    report::say("Open this page in a browser, on any device:");
    report::say(&prompt.verification_uri);
    report::say("and enter this code; if the page already shows a code, it must be the same:");
    report::say(&prompt.user_code);
    if !io::stderr().is_terminal() {
        return;
    }
    let text = prompt.verification_uri_complete.as_ref().unwrap_or(&prompt.verification_uri);
    let columns = rustix::termios::tcgetwinsize(io::stderr()).map_or(0, |size| size.ws_col);
    if let Some(picture) = picture(text, colour()).filter(|picture| fits(picture, columns)) {
        report::say("Or scan this with a phone:");
        report::picture(&picture);
    }
}

/// `text` as a QR code in half-block characters. With colours, dark modules are drawn, dark on light; without colours,
/// light modules are drawn, since most terminals are light on dark. `None` if the text is too long.
fn picture(text: &str, dark_on_light: bool) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let (dark, light) =
        if dark_on_light { (Dense1x2::Dark, Dense1x2::Light) } else { (Dense1x2::Light, Dense1x2::Dark) };
    Some(code.render::<Dense1x2>().dark_color(dark).light_color(light).build())
}

/// A wrapped line makes the code unreadable.
fn fits(picture: &str, columns: u16) -> bool {
    picture.lines().all(|line| line.chars().count() <= usize::from(columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qr_code_is_square_in_half_blocks_with_its_quiet_zone_and_either_way_round() {
        let dark = picture("https://provider.example/device?user_code=WDJB-MJHT", true).unwrap();
        let light = picture("https://provider.example/device?user_code=WDJB-MJHT", false).unwrap();
        let sizes = |text: &str| (text.lines().count(), text.lines().map(|line| line.chars().count()).max().unwrap());
        // 29 modules, and four around them on each side.
        assert_eq!((sizes(&dark), sizes(&light)), ((19, 37), (19, 37)), "{dark}");
        assert!(dark.starts_with("    ") && light.starts_with("████"), "{light}");
        assert!(fits(&dark, 37) && !fits(&dark, 36) && !fits(&dark, 0));
        assert!(picture(&"x".repeat(5000), true).is_none());
    }
}
