export * from './login';
export * from './task';
