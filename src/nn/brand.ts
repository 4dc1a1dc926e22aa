/**
 * Marks of modules and parameters that distinguish them from other values. They are registered symbols rather than
 * classes, so that a model built with one copy of the library works with another (a bundle next to an installed
 * package).
 */

import type { Buffer } from "./buffer.ts";
import type { Module } from "./module.ts";
import type { Parameter } from "./parameter.ts";

/** Marks a module. */
export const MODULE: unique symbol = Symbol.for("kiln.Module");

/** Marks a parameter. */
export const PARAMETER: unique symbol = Symbol.for("kiln.Parameter");

/** Marks a buffer that is made as one. */
export const BUFFER: unique symbol = Symbol.for("kiln.Buffer");

/** The names of a module's fields that `registerBuffer` has made buffers. */
export const BUFFERS: unique symbol = Symbol.for("kiln.Module.buffers");

/** The names of those buffers that state dicts leave out. */
export const UNSAVED_BUFFERS: unique symbol = Symbol.for("kiln.Module.unsavedBuffers");

/** The names of a module's buffers that weights from before there was such a buffer lack: it keeps its numbers then. */
export const LATER_BUFFERS: unique symbol = Symbol.for("kiln.Module.laterBuffers");

/** A module's method that lists what it holds by name, in order: its fields, or the layers of a container. */
export const MEMBERS: unique symbol = Symbol.for("kiln.Module.members");

const isMarked = (value: unknown, mark: symbol): boolean =>
  typeof value === "object" && value !== null && mark in value;

/** Whether `value` is a module of this or another copy of the library. */
export const isModule = (value: unknown): value is Module => isMarked(value, MODULE);

/** Whether `value` is a parameter of this or another copy of the library. */
export const isParameter = (value: unknown): value is Parameter => isMarked(value, PARAMETER);

/** Whether `value` is a buffer made as one, of this or another copy of the library. */
export const isBuffer = (value: unknown): value is Buffer => isMarked(value, BUFFER);
