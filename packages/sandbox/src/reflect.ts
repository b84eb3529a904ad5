// @peculiar/x509 asks for this polyfill before it is loaded itself; imports run in order, so a file of its own.
import 'reflect-metadata';
