"""Compile a file of CUDA kernels to machine code or PTX, by NVRTC 12.8 from PyPI or by nvcc. Called by CMakeLists.txt.

    python compile_kernels.py find
    python compile_kernels.py binning.cu --architecture 86 -o binning.86.cubin [--ptx] [--fast-math | --exact]

`find` tells which NVRTC there is, or fails. NVRTC reads device code alone and needs no CUDA installed; it is a library
of the package nvidia-cuda-nvrtc-cu12, and what it makes opens on every driver from 525.60.13 on. Its path is looked up
here and not handed in, so that building in a fresh environment is no reason to compile again. `--nvcc NVCC` compiles
with that instead.
"""

from __future__ import annotations

import argparse
import ctypes
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "nvidia-cuda-nvrtc-cu12"
STANDARD = "--std=c++17"


class CannotCompile(Exception):
    """What the compiler said, or that there is none."""


def main(arguments: list[str]) -> int:
    """The command; its exit status."""
    parser = argparse.ArgumentParser(description="Compile a file of CUDA kernels.")
    parser.add_argument("source", help="a .cu file, or the word find")
    parser.add_argument("--architecture", type=int, default=90, help="the GPU's: 75, 80, ... 120")
    parser.add_argument("--ptx", action="store_true", help="for the driver to compile, where GPUs are newer")
    parser.add_argument("--fast-math", action="store_true")
    parser.add_argument("--exact", action="store_true", help="no fused multiply-adds: a CPU's bytes")
    parser.add_argument("--nvcc", type=Path, help="compile with this nvcc instead")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args(arguments)
    try:
        if options.source == "find":
            path = nvrtc_path()
            sys.stdout.write(f"NVRTC {version(PACKAGE)} ({path})\n")
            return 0
        if options.output is None:
            parser.error("-o is needed")
        flags = ["--use_fast_math"] if options.fast_math else []
        flags += ["--fmad=false"] if options.exact else []
        source = Path(options.source).resolve()
        if options.nvcc:
            compile_with_nvcc(options.nvcc, source, options.output, options.architecture, options.ptx, flags)
        else:
            options.output.write_bytes(compile_with_nvrtc(source, options.architecture, options.ptx, flags))
    except (CannotCompile, PackageNotFoundError) as error:
        sys.stderr.write(f"compile_kernels.py: {error}\n")
        return 1
    return 0


def compile_with_nvcc(nvcc: Path, source: Path, output: Path, architecture: int, ptx: bool, flags: list[str]) -> None:
    """Write what nvcc makes of the same source."""
    target = f"--gpu-architecture={'compute' if ptx else 'sm'}_{architecture}"
    command = [nvcc, "--ptx" if ptx else "--cubin", target, STANDARD, *flags, source, "-o", output]
    if subprocess.run(command, check=False).returncode:
        raise CannotCompile(f"{nvcc} does not compile {source.name} for {architecture}")


def compile_with_nvrtc(source: Path, architecture: int, ptx: bool, flags: list[str]) -> bytes:
    """Machine code (ELF), or PTX ending in a zero."""
    nvrtc = load_nvrtc()
    program = ctypes.c_void_p()
    text = source.read_bytes()
    checked(nvrtc, nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, source.name.encode(), 0, None, None))
    try:
        options = [
            f"--gpu-architecture={'compute' if ptx else 'sm'}_{architecture}",
            STANDARD,
            "--device-as-default-execution-space",  # constexpr functions too
            f"--include-path={source.parent}",
            *flags,
        ]
        encoded = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        failure = nvrtc.nvrtcCompileProgram(program, len(options), encoded)
        log = taken(nvrtc, "ProgramLog", program).rstrip(b"\0\n").decode(errors="replace")
        if failure:
            raise CannotCompile(f"{source.name} does not compile for {architecture}:\n{log}")
        if log:
            sys.stderr.write(f"{log}\n")
        return taken(nvrtc, "PTX" if ptx else "CUBIN", program)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def nvrtc_path() -> Path:
    """Where pip has put the library."""
    spec = find_spec("nvidia.cuda_nvrtc") if find_spec("nvidia") else None
    for folder in spec.submodule_search_locations or () if spec else ():
        for path in sorted(Path(folder, "lib").glob("libnvrtc.so.12*")):
            return path
    raise CannotCompile(f"NVRTC is not installed: pip install {PACKAGE}")


def load_nvrtc() -> ctypes.CDLL:
    """The library, opened."""
    try:
        return ctypes.CDLL(str(nvrtc_path()))
    except OSError as error:
        raise CannotCompile(f"NVRTC cannot be loaded: {error}") from error


def taken(nvrtc: ctypes.CDLL, what: str, program: ctypes.c_void_p) -> bytes:
    """The log, PTX or machine code of a program."""
    size = ctypes.c_size_t()
    checked(nvrtc, getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    checked(nvrtc, getattr(nvrtc, f"nvrtcGet{what}")(program, buffer))
    return buffer.raw


def checked(nvrtc: ctypes.CDLL, failure: int) -> None:
    """Raises CannotCompile where an nvrtcResult is not success."""
    if failure:
        nvrtc.nvrtcGetErrorString.restype = ctypes.c_char_p
        raise CannotCompile(f"NVRTC: {nvrtc.nvrtcGetErrorString(failure).decode()}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
