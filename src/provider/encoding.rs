//! Decompression of replies that are compressed although the request did not ask for it (RFC 9110 §8.4).
//!
//! They are inflated straight into the buffer that is wiped, up to the size limit of a reply: a streaming library would
//! leave copies of tokens in its own buffers.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use zeroize::Zeroizing;

/// A body without its encoding.
pub(super) struct Decoded {
    pub(super) body: Zeroizing<Vec<u8>>,
    /// Why its end is missing, if it is: one clause.
    pub(super) cut: Option<String>,
}

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// `body`, decoded by its `Content-Encoding`; gzip is also recognized by its first bytes, with which no text begins.
/// The error is one clause.
pub(super) fn decoded(body: Zeroizing<Vec<u8>>, encoding: Option<&str>, largest: usize) -> Result<Decoded, String> {
    let encoding = encoding.unwrap_or_default().trim().to_ascii_lowercase();
    if body.starts_with(&GZIP) {
        let Some(deflated) = behind_header(&body) else {
            return Err("the reply is compressed with gzip, and its header is damaged".into());
        };
        return Ok(inflated(deflated, 0, largest));
    }
    match encoding.as_str() {
        "br" | "zstd" | "compress" | "x-compress" | "dcb" | "dcz" => {
            Err(format!("the reply is compressed with `{encoding}`, which was not requested and is not supported"))
        }
        // RFC 9110 §8.4.1.2 requires zlib's header; some servers leave it out.
        "deflate" if body.first().is_some_and(|first| first & 0x0f == 8) => {
            Ok(inflated(&body, TINFL_FLAG_PARSE_ZLIB_HEADER, largest))
        }
        "deflate" if !body.starts_with(b"{") => Ok(inflated(&body, 0, largest)),
        // Not compressed in spite of its label, or a label that means nothing.
        _ => Ok(Decoded { body, cut: None }),
    }
}

fn inflated(deflated: &[u8], flags: u32, largest: usize) -> Decoded {
    let mut body = Zeroizing::new(vec![0; largest]);
    let mut state = Box::new(DecompressorOxide::new());
    let flags = flags | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, _, length) = decompress(&mut state, deflated, &mut body, 0, flags);
    // Zlib's checksum is at the end: the text before it has been decoded, and the parser decides whether it can be
    // used.
    body.truncate(length);
    let cut = match status {
        TINFLStatus::Done => None,
        TINFLStatus::HasMoreOutput => Some(format!("the reply is larger than {} KiB", largest / 1024)),
        _ => Some("the compressed reply is damaged or cut off".to_owned()),
    };
    Decoded { body, cut }
}

/// What follows the header of a gzip member (RFC 1952 §2.3). The checksum at its end is not checked: TLS has its own.
fn behind_header(body: &[u8]) -> Option<&[u8]> {
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const HEADER_CRC: u8 = 2;
    let (header, mut rest) = body.split_at_checked(10)?;
    let flags = *header.get(3)?;
    if flags & EXTRA != 0 {
        let (length, behind) = rest.split_first_chunk::<2>()?;
        rest = behind.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            rest = rest.get(rest.iter().position(|byte| *byte == 0)? + 1..)?;
        }
    }
    if flags & HEADER_CRC != 0 { rest.get(2..) } else { Some(rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deflate's stored blocks (RFC 1951 §3.2.4): any inflater accepts them, and they need no compressor.
    fn stored(text: &[u8]) -> Vec<u8> {
        let length = u16::try_from(text.len()).unwrap();
        [&[1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), text].concat()
    }

    fn gzip(flags: u8, optional: &[u8], deflated: &[u8]) -> Vec<u8> {
        [&[0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255][..], optional, deflated, &[0; 8]].concat()
    }

    fn show(body: &[u8], encoding: &str) -> String {
        match decoded(Zeroizing::new(body.to_vec()), Some(encoding).filter(|e| !e.is_empty()), 64) {
            Ok(Decoded { body, cut }) => {
                format!("{} {}", String::from_utf8_lossy(&body), cut.unwrap_or("whole".into()))
            }
            Err(why) => why,
        }
    }

    #[test]
    fn what_is_compressed_is_inflated_as_far_as_it_goes() {
        let plain = b"{\"a\":1}";
        // The same by zlib's compressor, with a Huffman code.
        let zlib = [0x78, 0x9c, 0xab, 0x56, 0x4a, 0x54, 0xb2, 0x32, 0xac, 0x05, 0x00, 0x08, 0x2a, 0x02, 0x09];
        for (body, encoding, expected) in [
            (plain.to_vec(), "", "{\"a\":1} whole"),
            (plain.to_vec(), "gzip", "{\"a\":1} whole"),
            (plain.to_vec(), "identity", "{\"a\":1} whole"),
            (plain.to_vec(), "deflate", "{\"a\":1} whole"),
            (gzip(0, &[], &stored(plain)), "gzip", "{\"a\":1} whole"),
            (gzip(0, &[], &stored(plain)), "", "{\"a\":1} whole"),
            (gzip(0, &[], &stored(plain)), "br", "{\"a\":1} whole"),
            (gzip(30, b"\x02\0xxname\0comment\0cc", &stored(plain)), "x-gzip", "{\"a\":1} whole"),
            (gzip(0, &[], &stored(plain))[..19].to_vec(), "gzip", "{\"a\" the compressed reply is damaged or cut off"),
            (vec![0x1f, 0x8b, 8], "gzip", "the reply is compressed with gzip, and its header is damaged"),
            (gzip(0, &[], &[7]), "gzip", " the compressed reply is damaged or cut off"),
            (gzip(0, &[], &stored(&[b'x'; 65])), "gzip", &format!("{} the reply is larger than 0 KiB", "x".repeat(64))),
            (zlib.to_vec(), "Deflate", "{\"a\":1} whole"),
            (stored(plain), "deflate", "{\"a\":1} whole"),
            (b"\x1b".to_vec(), "br", "the reply is compressed with `br`, which was not requested and is not supported"),
        ] {
            assert_eq!(show(&body, encoding), expected, "{encoding} {body:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_grow(body: Vec<u8>, flags: u8) {
            for body in [body.clone(), gzip(flags, &[], &body)] {
                for encoding in ["", "gzip", "deflate", "br"] {
                    if let Ok(decoded) = decoded(Zeroizing::new(body.clone()), Some(encoding), 64) {
                        assert!(decoded.body.len() <= body.len().max(64));
                    }
                }
            }
        }
    }
}
