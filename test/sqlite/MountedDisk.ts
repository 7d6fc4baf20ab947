/** A small disk of its own for a test: a file system in memory, which the test mounts. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"

const system = (program: string, ...args: ReadonlyArray<string>): void => {
  execFileSync(program, args, { stdio: "ignore" })
}

/** Mounts disks, which disappear after the tests. */
export class Disks {
  readonly #root = mkdtempSync(join(tmpdir(), "levada-disks-"))
  readonly #mounted: Array<string> = []
  /** Whether this process may mount: else its tests are skipped. */
  readonly areAllowed: boolean

  constructor() {
    this.areAllowed = this.#tryOut()
    if (!this.areAllowed) console.log("Disks that are full or read-only: this process may not mount; skipped here")
    afterAll(() => {
      for (const folder of this.#mounted) system("umount", "--lazy", folder)
      rmSync(this.#root, { recursive: true, force: true })
    })
  }

  #tryOut(): boolean {
    try {
      this.make(64)
      return true
    } catch {
      return false
    }
  }

  /** A disk with this much room, in KiB. */
  make(size: number): Disk {
    const folder = mkdtempSync(join(this.#root, "disk-"))
    system("mount", "-t", "tmpfs", "-o", `size=${size}k`, "levada", folder)
    this.#mounted.push(folder)
    return new Disk(folder)
  }
}

export class Disk {
  readonly folder: string
  readonly file: string

  constructor(folder: string) {
    this.folder = folder
    this.file = join(folder, "levada.db")
  }

  /** Takes all room that is left. */
  fill(): void {
    const chunk = Buffer.alloc(4_096)
    try {
      for (let count = 0; ; count++) writeFileSync(join(this.folder, `ballast-${count % 4}`), chunk, { flag: "a" })
    } catch {
      // It is full.
    }
  }

  empty(): void {
    for (let count = 0; count < 4; count++) rmSync(join(this.folder, `ballast-${count}`), { force: true })
  }

  setReadOnly(isReadOnly: boolean): void {
    system("mount", "-o", `remount,${isReadOnly ? "ro" : "rw"}`, this.folder)
  }
}
