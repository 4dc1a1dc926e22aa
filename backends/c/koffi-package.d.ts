/** The package koffi as a module that is loaded on demand: whether it is installed shows when it is asked for. */

declare module "koffi";
