// Package vault keeps what must not be read: the secrets a person entrusts to
// the service, and the key under which each person's words lie in the journal.
//
// It is a leaf of its own, beside journal, because three rooms need it and none
// may import another: conversation puts away a credential it caught in a text,
// provisioner reveals a cloud token to the one process that needs it, and
// journal seals personal data (it knows the vault only as its Sealer).
//
// # Keys
//
//	master key                an age identity: X25519 with ML-KEM-768, in a file or the environment
//	├── secrets               one age file per owner and purpose
//	├── person keys           one age file per person, 32 random bytes inside
//	│   └── sealed data       XChaCha20-Poly1305 under the person's key, bound to the person
//	├── wrapped keys          handed out by WrapKey, e.g. the key of a tofu state
//	└── name key              HKDF-SHA256 of the identity: hides names and blinds claims
//
// Files are in the format of age (age-encryption.org/v1) with the hybrid
// post-quantum recipient, since backups travel and live long. In an emergency
// the standard tool opens them: age -d -i master.key secrets/.../hetzner-token.age
// prints a JSON object with the value in base64. The recipient is never written
// down, so only who has the master key can make a file that opens. Inside, a
// file says what it is and whose, so that one cannot be put in another's place.
//
// # The master key
//
// It is read from Options.MasterKeyFile, else from the environment variable
// SANDBOX_MASTER_KEY, else from master.key in the vault's folder. A key in the
// folder is convenient and protects a copy of the journal alone; a key elsewhere
// also protects a copy of the whole data directory, backups included. Where a
// file is missing and the vault is new, one is made. Where the vault is not new,
// Open refuses: without the master key every secret and every sealed event is
// lost, and no part of this package can bring them back. Keep a copy apart from
// the backups. A process that only unwraps a key needs [UnwrapKey] and the
// file's path, not the vault.
//
// # Forgetting a person
//
// ForgetPerson destroys the person's key: what was sealed with it is noise from
// then on, in the journal, its replicas and every copy of it. First a marker is
// written that says so, then the key is overwritten and removed; a crash in
// between is finished at the next Open. The marker stays, and whoever restores
// an older vault lays the newer markers over it ([Vault.Erasures] and
// [Vault.ApplyErasures]): a backup made before still holds the key, under the
// master key, until it expires. A forgotten person id is never given a new key.
//
// # Invariants
//
//   - No plaintext of a value or key is ever written to a disk, logged, or part
//     of a fault. Folders are 0700 and files 0600.
//   - A file is there completely or not at all: written beside, synced, renamed,
//     and the folder synced.
//   - The vault starts no goroutine. One process owns a folder for writing;
//     others may read it.
package vault
