//! The checks that stand before every decode, in the order of what they cost.

use crate::codec::{self, Detail};
use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::structure::{self, Structure};

/// Reads the structure of a file and refuses what may not be decoded. Allocates nothing of the picture's size.
pub(crate) fn inspect(bytes: &[u8], limits: &Limits) -> Result<Structure, Refusal> {
    limits.check_length(bytes.len() as u64)?;
    let structure = structure::read(bytes)?;
    limits.check_header(&structure, bytes.len() as u64)?;
    match &structure.flaw {
        Some(flaw) => Err(Refusal::format(flaw)),
        None => Ok(structure),
    }
}

/// About how much memory the functions take for this file, in bytes, from its header alone.
///
/// It is an upper bound for decoding at full size plus the file itself, and for a caller that runs several
/// functions at a time: the sum over what runs at once bounds the process. `None` for a file that the
/// functions refuse before they decode it.
pub fn memory_estimate(bytes: &[u8], limits: &Limits) -> Option<u64> {
    let structure = inspect(bytes, limits).ok()?;
    let decode = codec::decode_bytes(&structure, Detail::Full);
    Some(decode.min(limits.decode_bytes_max) + bytes.len() as u64)
}
