//! A multisig whose vault holds roles, `multisig` of `programs/test-program`: it signs as Squads v4 does.

use ballast_client::{AccountMeta, Address, Instruction, SYSTEM_PROGRAM};
use solana_account::Account;
use solana_message::Message;

use crate::{outcome::Outcome, world::World};

/// Where the multisig is deployed.
pub const MULTISIG_PROGRAM: Address = Address::new_from_array(*b"the multisig program of harness.");

/// Bytes of the largest transaction.
pub const MAX_TRANSACTION: usize = 1_232;

/// Why the multisig refuses, by the code of its custom error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A threshold that the members cannot reach or nobody needs, or a member twice.
    InvalidMultisig = 100,
    /// A message that says nothing sensible.
    InvalidMessage = 101,
    /// An account that is not the one of the message or of the multisig, or lacks a flag.
    WrongAccount = 102,
    /// Not a member, or one who has not signed.
    NotMember = 103,
    /// Approved by this member, or by enough others.
    AlreadyApproved = 104,
    /// Not approved by enough members, or executed.
    NotApproved = 105,
    /// Approved, but not for long enough.
    TimeLocked = 106,
    /// The proposal that is being executed is not to be written to.
    ProtectedAccount = 107,
}

/// A multisig without permissions: all its members may do everything.
#[derive(Clone, Debug)]
pub struct Multisig {
    /// Holds members and threshold, and never signs.
    pub address: Address,
    /// The keys of the members.
    pub members: Vec<Address>,
    /// How many must approve.
    pub threshold: u16,
    /// Seconds between approval and execution.
    pub time_lock: u32,
}

/// Instructions that the members may approve.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Which of the multisig's transactions this is; the first has number 1.
    pub index: u64,
    /// The instructions.
    pub message: Message,
    /// What proposing them did.
    pub outcome: Outcome,
}

impl Multisig {
    /// Creates a multisig without a time lock, and deploys its program. Its vault has 100 SOL.
    #[track_caller]
    pub fn create(world: &mut World, members: &[Address], threshold: u16) -> Self {
        Self::with(world, "multisig", members, threshold, 0)
    }

    /// The same under a name of its own and with a time lock.
    #[track_caller]
    pub fn with(world: &mut World, name: &str, members: &[Address], threshold: u16, time_lock: u32) -> Self {
        world.load_program(MULTISIG_PROGRAM, "test_program.so", "scripts/build --test-program");
        let (instruction, multisig) = Self::creation(world, name, members, threshold, time_lock);
        world.send(&[instruction]).expect_ok();
        world.set_account(multisig.vault(), Account { lamports: 100_000_000_000, ..Account::default() });
        multisig
    }

    /// The instruction behind [`Multisig::with`].
    #[track_caller]
    pub fn creation(
        world: &mut World,
        name: &str,
        members: &[Address],
        threshold: u16,
        time_lock: u32,
    ) -> (Instruction, Self) {
        let create_key = world.key(name);
        let address = derive(&[b"multisig", create_key.as_ref()]);
        let accounts = vec![
            AccountMeta::new(address, false),
            AccountMeta::new_readonly(create_key, true),
            AccountMeta::new(world.payer, true),
            AccountMeta::new_readonly(SYSTEM_PROGRAM, false),
        ];
        let listed =
            [vec![members.len() as u8], members.iter().flat_map(|member| member.to_bytes()).collect()].concat();
        let data = [b"multisig", &threshold.to_le_bytes()[..], &time_lock.to_le_bytes(), &listed].concat();
        let multisig = Self { address, members: members.to_vec(), threshold, time_lock };
        (Instruction { program_id: MULTISIG_PROGRAM, accounts, data }, multisig)
    }

    /// The address that holds roles: the multisig's first vault.
    pub fn vault(&self) -> Address {
        derive(&[self.address.as_ref(), b"vault", &[0]])
    }

    fn transaction(&self, index: u64) -> Address {
        derive(&[self.address.as_ref(), b"transaction", &index.to_le_bytes()])
    }

    /// The account that counts approvals.
    pub fn proposal(&self, index: u64) -> Address {
        derive(&[self.address.as_ref(), b"transaction", &index.to_le_bytes(), b"proposal"])
    }

    /// Has the vault sign instructions: proposes them, approves them, waits, executes them, and returns what that did.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn run(&self, world: &mut World, instructions: &[Instruction]) -> Outcome {
        let proposal = self.propose(world, instructions);
        self.approve(world, &proposal);
        self.execute(world, &proposal)
    }

    /// Proposes instructions as the first member, in one transaction as Squads' own application does it.
    #[track_caller]
    pub fn propose(&self, world: &mut World, instructions: &[Instruction]) -> Proposal {
        let (proposal, message) = self.proposition(world, instructions);
        let outcome = world.send(&proposal).expect_ok();
        Proposal { index: self.transactions(world), message, outcome }
    }

    /// The same in two transactions, where one does not hold both. The outcome is that of the first, which is larger.
    #[track_caller]
    pub fn propose_apart(&self, world: &mut World, instructions: &[Instruction]) -> Proposal {
        let ([store, open], message) = self.proposition(world, instructions);
        let outcome = world.send(&[store]).expect_ok();
        world.send(&[open]).expect_ok();
        Proposal { index: self.transactions(world), message, outcome }
    }

    /// The instructions behind [`Multisig::propose`], and the message in them. The vault is the payer of the message, which
    /// makes it a writable signer.
    #[track_caller]
    pub fn proposition(&self, world: &World, instructions: &[Instruction]) -> ([Instruction; 2], Message) {
        let message = Message::new(instructions, Some(&self.vault()));
        let bytes = encode(&message);
        let index = self.transactions(world) + 1;
        // Vault 0, no ephemeral signers; no memo.
        let transaction = [&[0, 0][..], &(bytes.len() as u32).to_le_bytes(), &bytes, &[0]].concat();
        // No draft.
        let proposal = [&index.to_le_bytes()[..], &[0]].concat();
        let creator = self.members[0];
        let create = |discriminator: [u8; 8], multisig, created, arguments| {
            let accounts = vec![
                multisig,
                AccountMeta::new(created, false),
                AccountMeta::new_readonly(creator, true),
                AccountMeta::new(creator, true),
                AccountMeta::new_readonly(SYSTEM_PROGRAM, false),
            ];
            Instruction { program_id: MULTISIG_PROGRAM, accounts, data: [discriminator.to_vec(), arguments].concat() }
        };
        let (counted, read) = (AccountMeta::new(self.address, false), AccountMeta::new_readonly(self.address, false));
        let create_transaction =
            create([48, 250, 78, 168, 208, 226, 218, 211], counted, self.transaction(index), transaction);
        let create_proposal = create([220, 60, 73, 224, 30, 108, 79, 159], read, self.proposal(index), proposal);
        ([create_transaction, create_proposal], message)
    }

    /// How many transactions were proposed.
    #[track_caller]
    fn transactions(&self, world: &World) -> u64 {
        let count = world.account(&self.address).data[32..40].try_into();
        u64::from_le_bytes(count.expect("eight bytes"))
    }

    /// Approves a proposal by as many members as it takes, and lets the time lock pass.
    #[track_caller]
    pub fn approve(&self, world: &mut World, proposal: &Proposal) {
        for member in &self.members[..self.threshold as usize] {
            world.send(&[self.approval(*member, proposal.index)]).expect_ok();
        }
        world.advance(self.time_lock as i64);
    }

    /// One member's approval.
    pub fn approval(&self, member: Address, index: u64) -> Instruction {
        let accounts = vec![
            AccountMeta::new_readonly(self.address, false),
            AccountMeta::new(member, true),
            AccountMeta::new(self.proposal(index), false),
        ];
        // No memo.
        let data = [&[144, 37, 164, 136, 188, 216, 42, 248][..], &[0]].concat();
        Instruction { program_id: MULTISIG_PROGRAM, accounts, data }
    }

    /// Executes an approved proposal as the last member.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn execute(&self, world: &mut World, proposal: &Proposal) -> Outcome {
        world.send(&[self.execution(proposal)])
    }

    /// The instruction behind [`Multisig::execute`].
    pub fn execution(&self, Proposal { index, message, .. }: &Proposal) -> Instruction {
        let mut accounts = vec![
            AccountMeta::new_readonly(self.address, false),
            AccountMeta::new(self.proposal(*index), false),
            AccountMeta::new_readonly(self.transaction(*index), false),
            AccountMeta::new_readonly(*self.members.last().expect("a threshold of one at least"), true),
        ];
        accounts.extend(message.account_keys.iter().enumerate().map(|(place, address)| AccountMeta {
            pubkey: *address,
            // The vault has no key.
            is_signer: message.is_signer(place) && *address != self.vault(),
            is_writable: is_writable(message, place),
        }));
        Instruction { program_id: MULTISIG_PROGRAM, accounts, data: vec![194, 8, 161, 87, 153, 164, 25, 171] }
    }
}

fn derive(seeds: &[&[u8]]) -> Address {
    Address::find_program_address(&[&[b"multisig".as_slice()], seeds].concat(), &MULTISIG_PROGRAM).0
}

fn is_writable(message: &Message, place: usize) -> bool {
    let header = &message.header;
    let signers = header.num_required_signatures as usize;
    let end = if place < signers {
        signers - header.num_readonly_signed_accounts as usize
    } else {
        message.account_keys.len() - header.num_readonly_unsigned_accounts as usize
    };
    place < end
}

/// The message as it is stored: lists have their length before them, one byte, or two for an instruction's data.
fn encode(message: &Message) -> Vec<u8> {
    let places = 0..message.account_keys.len();
    let writable = |signing: bool| {
        let count = places.clone().filter(|place| message.is_signer(*place) == signing && is_writable(message, *place));
        count.count() as u8
    };
    let mut bytes = vec![message.header.num_required_signatures, writable(true), writable(false)];
    bytes.push(message.account_keys.len() as u8);
    bytes.extend(message.account_keys.iter().flat_map(|address| address.to_bytes()));
    bytes.push(message.instructions.len() as u8);
    for instruction in &message.instructions {
        bytes.extend([instruction.program_id_index, instruction.accounts.len() as u8]);
        bytes.extend(&instruction.accounts);
        bytes.extend((instruction.data.len() as u16).to_le_bytes());
        bytes.extend(&instruction.data);
    }
    // No look-up tables.
    bytes.push(0);
    bytes
}
