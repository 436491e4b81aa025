//! A ZIP file with one program in it, the same bytes for the same program.
//!
//! Format: PKWARE's APPNOTE 6.3, without extensions: one entry, deflated, with the permissions of a Unix file.

use std::io::{self, Write as _};

use flate2::{Compression, Crc, write::DeflateEncoder};

/// 1980-01-01, the first day that the format has.
const DATE: u16 = 0x0021;
const DEFLATED: u16 = 8;
/// Version 2.0, which has deflated entries.
const VERSION: u16 = 20;
/// Made on Unix, so that the permissions are read.
const MADE_BY: u16 = (3 << 8) | VERSION;
/// A file that everybody may run.
const MODE: u32 = 0o100_755;

/// A file with this entry.
///
/// # Errors
/// Where the entry is too large for the format, which ends at 4 GiB.
pub fn with_program(name: &str, content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    let packed = encoder.finish()?;
    let mut crc = Crc::new();
    crc.update(content);
    let too_large = |_| io::Error::other(format!("{name} is too large for a ZIP file"));
    let sizes =
        [u32::try_from(packed.len()).map_err(too_large)?, u32::try_from(content.len()).map_err(too_large)?];
    let name_length = u16::try_from(name.len()).map_err(too_large)?;

    // What both headers of the entry have in common.
    let mut described = Vec::new();
    for number in [VERSION, 0, DEFLATED, 0, DATE] {
        described.extend(number.to_le_bytes());
    }
    for number in [crc.sum(), sizes[0], sizes[1]] {
        described.extend(number.to_le_bytes());
    }
    described.extend(name_length.to_le_bytes());
    described.extend(0_u16.to_le_bytes());

    let mut file = b"PK\x03\x04".to_vec();
    file.extend(&described);
    file.extend(name.as_bytes());
    file.extend(&packed);

    let directory_at = u32::try_from(file.len()).map_err(too_large)?;
    file.extend(b"PK\x01\x02");
    file.extend(MADE_BY.to_le_bytes());
    file.extend(&described);
    // No comment, the first disk, no internal attributes.
    file.extend([0; 6]);
    file.extend((MODE << 16).to_le_bytes());
    file.extend(0_u32.to_le_bytes());
    file.extend(name.as_bytes());

    let directory_length = u32::try_from(file.len()).map_err(too_large)? - directory_at;
    file.extend(b"PK\x05\x06");
    file.extend([0; 4]);
    for number in [1_u16, 1] {
        file.extend(number.to_le_bytes());
    }
    for number in [directory_length, directory_at] {
        file.extend(number.to_le_bytes());
    }
    file.extend(0_u16.to_le_bytes());
    Ok(file)
}
