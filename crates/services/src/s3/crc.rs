//! The cyclic redundancy checks that S3's clients send: CRC-32, CRC-32C and CRC-64/NVME.
//!
//! All three are reflected, begin with all ones and end inverted; they differ in polynomial and width.

/// A running check.
#[derive(Clone, Debug)]
pub(super) struct Crc {
    table: &'static [u64; 256],
    mask: u64,
    state: u64,
    bytes: usize,
}

static CRC32: [u64; 256] = table(0xedb8_8320);
static CRC32C: [u64; 256] = table(0x82f6_3b78);
static CRC64NVME: [u64; 256] = table(0x9a6c_9329_ac4b_c9b5);

const fn table(polynomial: u64) -> [u64; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut value = at as u64;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ polynomial } else { value >> 1 };
            bit += 1;
        }
        table[at] = value;
        at += 1;
    }
    table
}

impl Crc {
    fn new(table: &'static [u64; 256], bytes: usize) -> Self {
        let mask = u64::MAX >> (64 - 8 * bytes);
        Self { table, mask, state: mask, bytes }
    }

    pub(super) fn crc32() -> Self {
        Self::new(&CRC32, 4)
    }

    pub(super) fn crc32c() -> Self {
        Self::new(&CRC32C, 4)
    }

    pub(super) fn crc64nvme() -> Self {
        Self::new(&CRC64NVME, 8)
    }

    pub(super) fn update(&mut self, data: &[u8]) {
        for byte in data {
            let [low, ..] = self.state.to_le_bytes();
            self.state = self.table[usize::from(low ^ byte)] ^ (self.state >> 8);
        }
    }

    /// Its bytes, the highest first.
    pub(super) fn finish(self) -> Vec<u8> {
        (self.state ^ self.mask).to_be_bytes()[8 - self.bytes..].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::hex;

    #[test]
    fn the_catalogue_s_check_values_come_out() {
        for (mut crc, expected) in
            [(Crc::crc32(), "cbf43926"), (Crc::crc32c(), "e3069283"), (Crc::crc64nvme(), "ae8b14860a799888")]
        {
            crc.update(b"1234");
            crc.update(b"56789");
            assert_eq!(hex(&crc.finish()), expected);
        }
    }
}
