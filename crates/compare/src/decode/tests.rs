use std::io::Write;

use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use flate2::Compression;

use super::*;
use crate::testing::headers;

/// Made with another implementation, as this one only decodes.
const BROTLI: &[u8] =
    b"\x1b\x1d\x00\xf8\x8d\x94\x6e\xde\x44\x55\x86\xd6\x6c\x20\x69\x6f\xd3\x10\x49\xe6\xa9\x03\x52\x1a\xf1\x78\xd1\x0c";
/// 4 MiB of zeros.
const BROTLI_BOMB: &[u8] = b"\x9b\xff\xff\x3f\xf8\x27\x00\xe2\xb1\x40\x20\xf7\xfe\x07";
const TEXT: &[u8] = b"hello hello hello hello brotli";

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zstd(body: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(body, ruzstd::encoding::CompressionLevel::Fastest)
}

fn decoded(encoding: &str, body: &[u8]) -> Result<Vec<u8>, DecodeError> {
    decode(&headers(&[("content-encoding", encoding)]), body, 1000).map(Cow::into_owned)
}

#[test]
fn undoes_each_encoding() {
    for (encoding, body) in [
        ("gzip", gzip(TEXT)),
        ("x-gzip", gzip(TEXT)),
        ("GZip", gzip(TEXT)),
        ("deflate", zlib(TEXT)),
        ("deflate", deflate(TEXT)),
        ("br", BROTLI.to_vec()),
        ("zstd", zstd(TEXT)),
        ("identity", TEXT.to_vec()),
        ("", TEXT.to_vec()),
    ] {
        assert_eq!(decoded(encoding, &body).unwrap(), TEXT, "{encoding}");
    }
}

#[test]
fn borrows_where_there_is_nothing_to_undo() {
    assert!(matches!(decode(&HeaderMap::new(), TEXT, 1), Ok(Cow::Borrowed(TEXT))));
}

#[test]
fn undoes_layers_from_the_last() {
    assert_eq!(decoded("deflate, gzip", &gzip(&zlib(TEXT))).unwrap(), TEXT);
    let lines = headers(&[("content-encoding", "zstd"), ("content-encoding", "identity , gzip")]);
    assert_eq!(decode(&lines, &gzip(&zstd(TEXT)), 1000).unwrap(), TEXT);
    assert!(matches!(
        decoded("gzip,gzip,gzip,gzip,gzip", b"x"),
        Err(DecodeError::Unknown(_))
    ));
}

#[test]
fn reads_all_members_and_frames() {
    assert_eq!(
        decoded("gzip", &[gzip(b"one "), gzip(b"two")].concat()).unwrap(),
        b"one two"
    );
    let skipped = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc";
    assert_eq!(
        decoded("zstd", &[zstd(b"one ").as_slice(), skipped, &zstd(b"two")].concat()).unwrap(),
        b"one two"
    );
    assert_eq!(
        decoded("zstd", &[zstd(b"one ").as_slice(), &skipped[..9]].concat()),
        Err(DecodeError::Invalid("zstd"))
    );
}

#[test]
fn an_empty_body_stays_empty() {
    for encoding in ["gzip", "br", "zstd", "deflate", "compress"] {
        assert_eq!(decoded(encoding, b"").unwrap(), b"");
    }
}

#[test]
fn damaged_or_cut_data_is_an_error() {
    let whole = [
        ("gzip", gzip(TEXT)),
        ("deflate", zlib(TEXT)),
        ("br", BROTLI.to_vec()),
        ("zstd", zstd(TEXT)),
    ];
    for (encoding, body) in whole {
        for cut in 1..body.len() {
            let result = decoded(encoding, &body[..cut]);
            // A checksum may be missing without harm to what was read; anything else is noticed.
            assert!(
                result == Ok(TEXT.to_vec()) || matches!(result, Err(DecodeError::Invalid(name)) if name == encoding),
                "{encoding} {cut}: {result:?}"
            );
        }
        assert!(
            matches!(decoded(encoding, &body[..body.len() / 2]), Err(DecodeError::Invalid(_))),
            "{encoding}"
        );
        assert!(decoded(encoding, b"plain text, not encoded").is_err(), "{encoding}");
    }
    assert_eq!(
        decoded("compress", b"x"),
        Err(DecodeError::Unknown("compress".to_owned()))
    );
}

#[test]
fn a_bomb_stops_at_the_cap() {
    let zeros = vec![0; 1 << 22];
    for (encoding, body) in [
        ("gzip", gzip(&zeros)),
        ("deflate", zlib(&zeros)),
        ("deflate", deflate(&zeros)),
        ("br", BROTLI_BOMB.to_vec()),
        ("zstd", zstd(&zeros)),
    ] {
        assert_eq!(decoded(encoding, &body), Err(DecodeError::TooLarge(1000)), "{encoding}");
    }
    let frames = [zstd(&[0; 600]), zstd(&[0; 600])].concat();
    assert_eq!(decoded("zstd", &frames), Err(DecodeError::TooLarge(1000)));
    assert_eq!(
        decoded("gzip", &gzip(&[0; 1000])).unwrap().len(),
        1000,
        "the cap itself is allowed"
    );
    // A frame whose header asks for a window of more than RFC 9659 allows.
    assert_eq!(
        decoded("zstd", b"\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00"),
        Err(DecodeError::Invalid("zstd"))
    );
}
