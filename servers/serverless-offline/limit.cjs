// A plug-in of ours. The offline plug-in starts another process for each request that finds none
// idle, without end; a service has a limit (reservedConcurrency). Beyond it, requests wait here,
// first come, first served.
"use strict";

const { Server } = require("node:http");

const MOST = Number(process.env.HARNESS_MOST_INSTANCES || "1");
const waiting = [];
let busy = 0;

function next() {
  while (busy < MOST && waiting.length > 0) {
    busy += 1;
    waiting.shift()();
  }
}

const { emit } = Server.prototype;

Server.prototype.emit = function (event, ...rest) {
  if (event !== "request") {
    return emit.call(this, event, ...rest);
  }
  const [, response] = rest;
  let gone = false;
  let begun = false;
  response.once("close", () => {
    gone = true;
    if (begun) {
      busy -= 1;
      next();
    }
  });
  waiting.push(() => {
    if (gone) {
      busy -= 1;
      return;
    }
    begun = true;
    emit.call(this, event, ...rest);
  });
  next();
  return true;
};

module.exports = class Limit {};
