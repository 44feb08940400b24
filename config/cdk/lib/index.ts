export * from './forward';
export * from './login';
export * from './migration';
export * from './resource';
export * from './schedule';
export * from './task';
export * from './watch';
