"""gdb commands for programs that use offshoot: docs/debugging.md, "In gdb".

gdb knows threads and not greenlets; what it can unwind is a thread. So to show a greenlet, its thread
is made to look as if it had just been switched there: the bytes of its slice are laid over the stack
where they belong, and four registers set. In a live process all of that is undone right afterwards. A
core file cannot be written to, so a copy is, which gdb looks at for as long as it takes.

Everything is found by the debug information of the library, from the list of threads that have
greenlets.
"""

import os
import shutil
import struct
import tempfile

import gdb

REGISTERS = ("rip", "rsp", "rbp", "rbx")
PLACEMENTS = ("lane", "dedicated", "nested")
MAIN = 32  # of control_block::marks
BORROWS_PARENT = 16


def symbol(name):
    try:
        return gdb.parse_and_eval(name)
    except gdb.error:
        raise gdb.GdbError(
            "offshoot: no debug information of the library: build it with -g, or point gdb to it "
            "(debug-file-directory)") from None


def plain(value):
    """What is inside of std::atomic, std::unique_ptr and the like: the member that fills all of it."""
    kind = value.type.strip_typedefs()
    while kind.code == gdb.TYPE_CODE_STRUCT:
        value = value[next(each for each in kind.fields() if each.type.sizeof == kind.sizeof)]
        kind = value.type.strip_typedefs()
    return value


def name_of(block):
    """As control_block::name()."""
    kept = (block + 1).cast(gdb.lookup_type("unsigned long").pointer())
    return (kept + 1).cast(gdb.lookup_type("char").pointer()).string(length=int(kept.dereference()))


def parent_of(block):
    if not int(block["marks"]) & BORROWS_PARENT:
        return block["parent"]
    lent = block["lender"]  # as lent_parent::now()
    state = int(lent["state"])
    waits = state % 2 == 0 and state != int(lent["thread"])
    return gdb.Value(state).cast(block["parent"].type) if waits else lent["main"]


class Greenlet:
    """What is to be known of an active greenlet, read once: nothing here is a gdb.Value."""

    def __init__(self, block, state):
        self.id = int(block["id"])
        self.tid = int(state["tid"])
        self.running = block == state["current"].cast(block.type)
        self.main = bool(int(block["marks"]) & MAIN)
        self.placement = PLACEMENTS[int(block["chosen_placement"])]
        self.name = name_of(block) if int(block["named_"]) else ""
        file = block["spawn_file"]
        line = int(block["spawn_line"])
        self.spawned_at = f"{file.string()}:{line}" if line else ""
        parent = parent_of(block)
        self.parent = int(parent["id"]) if parent else 0
        registers = block["registers"]
        fetch = int(symbol("(unsigned long)&offshoot_fetch"))
        place = registers
        if int(registers["ip"]) == fetch:  # displaced
            place = block["home"]
        self.registers = dict(zip(REGISTERS, (
            int(place["ip"]), int(place["sp"]),
            int(registers["kept"][0]), int(registers["kept"][1]))))
        self.stop = int(block["stop"])
        self.saved = b""
        size = int(block["saved"]["size_"])
        if size:
            block_bytes = 32  # slice::block
            data = int(block["saved"]["buffer_"]) + int(place["sp"]) % block_bytes
            self.saved = bytes(gdb.selected_inferior().read_memory(data, size))

    def describe(self):
        words = "main greenlet" if self.main else "greenlet"
        if self.name:
            words += f" '{self.name}'"
        words += f" #{self.id}"
        if not self.main:
            words += f" ({self.placement})"
        if self.spawned_at:
            words += f", spawned at {self.spawned_at}"
        words += ", running" if self.running else ", suspended"
        if self.saved:
            words += f", {len(self.saved)} bytes in its slice"
        if self.parent:
            words += f", parent #{self.parent}"
        return words


def greenlets():
    """All active ones of all threads, each thread's main one first."""
    found = []
    state = plain(symbol("'offshoot::detail::registry::(anonymous namespace)::threads'"))
    while state:
        if not state["ended"]:
            block = state["main"]
            found.append(Greenlet(block, state))
            block = state["live"]
            while block:
                found.append(Greenlet(block, state))
                block = block["next_live"]
        state = state["next"]
    return found


def select_thread(tid):
    for thread in gdb.selected_inferior().threads():
        if tid in thread.ptid[1:]:
            thread.switch()
            return
    raise gdb.GdbError(f"offshoot: there is no thread {tid}: is this a forked child's core?")


def core_file():
    """The name of the core file that is looked at; None for a live process."""
    lines = gdb.execute("info files", to_string=True).splitlines()
    for before, line in zip(lines, lines[1:]):
        if before.startswith("Local core dump file"):
            return line.split("`", 1)[1].split("',", 1)[0]
    return None


class Selection:
    """Keeps the thread and frame that the user has selected."""

    def __enter__(self):
        self.tid = gdb.selected_thread().ptid[1]
        self.level = gdb.selected_frame().level()

    def __exit__(self, *_):
        select_thread(self.tid)
        gdb.execute(f"frame {self.level}", to_string=True)


class InLiveProcess:
    """Makes a thread of a live process look as if it ran `greenlet`, for a while."""

    def __init__(self, greenlet):
        self.greenlet = greenlet

    def __enter__(self):
        select_thread(self.greenlet.tid)
        gdb.execute("frame 0", to_string=True)
        frame = gdb.newest_frame()
        self.before = {name: int(frame.read_register(name)) for name in REGISTERS}
        inferior = gdb.selected_inferior()
        self.covered = b""
        if self.greenlet.saved:
            self.covered = bytes(inferior.read_memory(
                self.greenlet.registers["rsp"], len(self.greenlet.saved)))
        try:
            self.lay(self.greenlet.saved, self.greenlet.registers)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self.lay(self.covered, self.before)

    def lay(self, data, registers):
        if data:
            gdb.selected_inferior().write_memory(self.greenlet.registers["rsp"], data)
        gdb.execute("frame 0", to_string=True)
        for name, value in registers.items():
            gdb.execute(f"set var ${name} = {value & (1 << 64) - 1}", to_string=True)
        gdb.execute("frame 0", to_string=True)


class InCoreFile:
    """Has gdb look at a copy of the core file in which a thread ran `greenlet`, for a while."""

    def __init__(self, greenlet, original):
        self.greenlet = greenlet
        self.original = original

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="offshoot-gdb-")
        try:
            copy = os.path.join(self.directory, "core")
            shutil.copyfile(self.original, copy)
            with open(copy, "r+b") as core:
                patch(core, self.greenlet)
            gdb.execute(f"core-file {copy}", to_string=True)
            select_thread(self.greenlet.tid)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        try:
            gdb.execute(f"core-file {self.original}", to_string=True)
        finally:
            shutil.rmtree(self.directory)


def segments(core, wanted):
    """The program headers of a kind in an ELF file: offset, address and size of what they tell of."""
    core.seek(0)
    header = core.read(64)
    table, = struct.unpack_from("<Q", header, 32)
    entry_size, count = struct.unpack_from("<HH", header, 54)
    for index in range(count):
        core.seek(table + index * entry_size)
        kind, _, offset, address, _, size = struct.unpack("<IIQQQQ", core.read(40))
        if kind == wanted:
            yield offset, address, size


def patch(core, greenlet):
    """Writes the greenlet's bytes and registers into an ELF core file of x86-64."""
    pt_note = 4
    noted = [patch_registers(core, offset, size, greenlet)
             for offset, _, size in segments(core, pt_note)]
    if not (any(noted) and patch_memory(core, greenlet.registers["rsp"], greenlet.saved)):
        raise gdb.GdbError("offshoot: this core file does not hold the stack or its thread")


def patch_memory(core, low, data):
    pt_load = 1
    for offset, address, size in segments(core, pt_load):
        if address <= low and low + len(data) <= address + size:
            core.seek(offset + low - address)
            core.write(data)
            return True
    return False


def patch_registers(core, offset, size, greenlet):
    """Looks through notes for the thread's NT_PRSTATUS. Its layout: struct elf_prstatus."""
    pid_at, registers_at = 32, 112
    place = {"rbp": 4, "rbx": 5, "rip": 16, "rsp": 19}  # of struct user_regs_struct, in words
    at, end = offset, offset + size
    while at < end:
        core.seek(at)
        name_size, size, kind = struct.unpack("<III", core.read(12))
        content = at + 12 + (name_size + 3) // 4 * 4
        if kind == 1:  # NT_PRSTATUS
            core.seek(content + pid_at)
            if struct.unpack("<i", core.read(4))[0] == greenlet.tid:
                for name, value in greenlet.registers.items():
                    core.seek(content + registers_at + 8 * place[name])
                    core.write(struct.pack("<Q", value))
                return True
        at = content + (size + 3) // 4 * 4
    return False


def show(greenlet, command):
    """Runs a command of gdb's, such as bt, as if the greenlet ran."""
    gdb.write(greenlet.describe() + "\n")
    if greenlet.running:
        select_thread(greenlet.tid)
        gdb.execute(command)
        return
    original = core_file()
    with InCoreFile(greenlet, original) if original else InLiveProcess(greenlet):
        gdb.execute(command)


class SaveCore(gdb.Command):
    """Write a core file of this live process with all stacks: greenlet-core FILE

generate-core-file leaves out what lies behind a page that cannot be read although it is mapped, as the
guard pages of stacks are from Linux 6.13 on. This adds the stacks. Cores that the kernel makes of a
crash have them anyway."""

    def __init__(self):
        super().__init__("greenlet-core", gdb.COMMAND_DATA, gdb.COMPLETE_FILENAME)

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("usage: greenlet-core FILE")
        gdb.execute(f"generate-core-file {argument}")
        inferior = gdb.selected_inferior()
        with Selection(), open(argument, "r+b") as core:
            for each in greenlets():
                if each.running:
                    select_thread(each.tid)
                    low = int(gdb.newest_frame().read_register("rsp")) - 128  # red zone
                else:
                    low = each.registers["rsp"] + len(each.saved)
                patch_memory(core, low, bytes(inferior.read_memory(low, each.stop - low)))


class InfoGreenlets(gdb.Command):
    """List the greenlets of all threads: info greenlets"""

    def __init__(self):
        super().__init__("info greenlets", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        for each in greenlets():
            gdb.write(f"thread {each.tid}: {each.describe()}\n")


class ShowGreenlet(gdb.Command):
    """Run a command of gdb's in a greenlet: greenlet ID COMMAND, greenlet all COMMAND

COMMAND is one that looks and does not write: bt, bt full, info locals. None means bt. The greenlet
need not run, nor its stack be in place. ID is the number that `info greenlets` gives."""

    def __init__(self):
        super().__init__("greenlet", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        which, _, command = argument.strip().partition(" ")
        if which != "all" and not which.isdigit():
            raise gdb.GdbError("usage: greenlet ID|all [COMMAND]")
        chosen = [each for each in greenlets() if which == "all" or each.id == int(which)]
        if not chosen:
            raise gdb.GdbError(f"offshoot: no active greenlet #{which}: see info greenlets")
        with Selection():
            for each in chosen:
                show(each, command.strip() or "bt")


InfoGreenlets()
SaveCore()
ShowGreenlet()
